// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	astjson "github.com/open-policy-agent/opa/v1/ast/json"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/opa-ratify/opa-ratify/rego"
)

// input is what the rules judge: one bundle.
type input struct {
	Modules   []module   `json:"modules"`
	Documents []document `json:"documents"`
	Trust     []trust    `json:"trust"`
	Refused   []refusal  `json:"refused"`
	Ignores   []ignore   `json:"ignores"`
	Manifest  manifest   `json:"manifest"`
}

// module is one file of Rego.
type module struct {
	File string      `json:"file"`
	Test bool        `json:"test"`
	AST  *ast.Module `json:"ast"`
}

type manifest struct {
	File  string `json:"file,omitempty"`
	Value any    `json:"value,omitempty"`
}

// refusal is something that this program does not load.
type refusal struct {
	position

	File    string `json:"file"`
	Message string `json:"message"`
}

// position is a place in a file, both from 1.
type position struct {
	Row int `json:"row"`
	Col int `json:"col"`
}

// newInput parses the files of b. The error names the file that cannot be parsed.
func (l *linter) newInput(ctx context.Context, b bundle) (*input, error) {
	in := &input{Modules: []module{}, Documents: []document{}, Trust: []trust{}, Refused: []refusal{}, Ignores: []ignore{}}
	for _, f := range b.files {
		if err := in.add(f); err != nil {
			return nil, err
		}
	}
	for _, d := range in.Documents {
		in.Trust = append(in.Trust, d.trust()...)
	}
	for _, m := range in.Modules {
		if !m.Test {
			in.Trust = append(in.Trust, m.trust()...)
		}
	}
	for i := range in.Trust {
		if err := l.examine(ctx, &in.Trust[i]); err != nil {
			return nil, err
		}
	}
	return in, in.refuse()
}

func (in *input) add(f source) error {
	switch {
	case strings.HasSuffix(f.inner, ".rego"):
		return in.addModule(f)
	case f.inner == manifestFile:
		in.Manifest.File = f.name
		if err := util.Unmarshal(f.text, &in.Manifest.Value); err != nil {
			return fmt.Errorf("parse %s: %w", f.name, err)
		}
		return nil
	default:
		d, err := newDocument(f)
		in.Documents = append(in.Documents, d)
		in.Ignores = append(in.Ignores, ignoresInYAML(f)...)
		return err
	}
}

func (in *input) addModule(f source) error {
	m, err := ast.ParseModuleWithOpts(f.name, string(f.text), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
	if err != nil {
		return err
	}
	if m == nil { // comments alone
		return nil
	}
	last, _ := m.Package.Path[len(m.Package.Path)-1].Value.(ast.String)
	in.Modules = append(in.Modules, module{File: f.name, Test: strings.HasSuffix(string(last), "_test"), AST: m})
	in.Ignores = append(in.Ignores, ignoresInRego(f, m.Comments)...)
	return nil
}

// refuse asks the library what it will not compile.
func (in *input) refuse() error {
	modules := map[string]*ast.Module{}
	for _, m := range in.Modules {
		modules[m.File] = m.AST
	}
	problems, err := rego.Check(modules)
	for _, p := range problems {
		r := refusal{Message: p.Text}
		if p.Location != nil {
			r.File, r.position = p.Location.File, position{p.Location.Row, p.Location.Col}
		}
		in.Refused = append(in.Refused, r)
	}
	return err
}

// value is the input as Rego reads it. OPA keeps what is written of an AST in a
// global setting; this program writes ASTs nowhere else, so that it stays set.
func (in *input) value() (ast.Value, error) {
	astjson.SetOptions(astjson.Options{MarshalOptions: astjson.MarshalOptions{
		IncludeLocation: astjson.NodeToggle{
			Term: true, Package: true, Import: true, Rule: true, Head: true, Expr: true,
			SomeDecl: true, Every: true, With: true, Not: true, And: true, Or: true,
		},
		IncludeLocationText: true,
		ExcludeLocationFile: true,
	}})
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	var v any
	if err := util.UnmarshalJSON(text, &v); err != nil {
		return nil, err
	}
	return ast.InterfaceToValue(v)
}
