// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	oparego "github.com/open-policy-agent/opa/v1/rego"
)

//go:embed finding places report rules syntax
var embedded embed.FS

// linter is the compiled rules. It may be shared.
type linter struct {
	rules []rule // sorted by name
	query oparego.PreparedEvalQuery
	probe oparego.PreparedEvalQuery
}

// rule is one package that judges, as its METADATA describes it.
type rule struct {
	Name        string `json:"name"`
	Severity    string `json:"severity"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Remedy      string `json:"remedy"`
	Docs        string `json:"docs"`
}

// newLinter compiles the embedded rules and those in the directories. The error
// names the file that cannot be used.
func newLinter(ctx context.Context, directories []string) (*linter, error) {
	modules := map[string]*ast.Module{}
	if err := addModules(modules, embedded, ""); err != nil {
		return nil, err
	}
	own := maps.Clone(modules)
	for _, directory := range directories {
		if err := addUserRules(modules, own, directory); err != nil {
			return nil, fmt.Errorf("--rules %s: %w", directory, err)
		}
	}
	c := ast.NewCompiler()
	if c.Compile(modules); c.Failed() {
		return nil, c.Errors
	}
	l := &linter{rules: describe(modules, own)}
	var errs [2]error
	l.query, errs[0] = oparego.New(oparego.Compiler(c), oparego.Query("data.lint.report.findings"), oparego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	l.probe, errs[1] = oparego.New(oparego.Query(probe)).PrepareForEval(ctx)
	return l, errors.Join(errs[:]...)
}

// addModules parses the Rego below files, tests left out.
func addModules(modules map[string]*ast.Module, files fs.FS, prefix string) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, "_test.rego") {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		m, err := ast.ParseModuleWithOpts(prefix+path, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
		if err == nil && m != nil {
			modules[prefix+path] = m
		}
		return err
	})
}

// addUserRules adds the rules in a directory, which can add to ours and replace
// none.
func addUserRules(modules, own map[string]*ast.Module, directory string) error {
	added := map[string]*ast.Module{}
	if err := addModules(added, os.DirFS(directory), directory+"/"); err != nil {
		return err
	}
	rules := 0
	for file, m := range added {
		for _, ours := range own {
			if m.Package.Path.Equal(ours.Package.Path) {
				return fmt.Errorf("%s: %v is one of this program's; give it another name", file, m.Package)
			}
		}
		if isRule(m) {
			rules++
		}
		modules[file] = m
	}
	if rules == 0 {
		return errors.New("no package lint.rules.<name> in it")
	}
	return nil
}

func isRule(m *ast.Module) bool {
	return len(m.Package.Path) == 4 && m.Package.Path.HasPrefix(ast.MustParseRef("data.lint.rules"))
}

// docs is the page about the rules.
const docs = "https://github.com/opa-ratify/opa-ratify/blob/main/cmd/opa-ratify/lint/README.md"

// describe lists the packages that judge, and the report's own findings.
func describe(modules, own map[string]*ast.Module) []rule {
	var rules []rule
	for file, m := range modules {
		about := packageAnnotations(m)
		severity, _ := about.Custom["severity"].(string)
		if !isRule(m) && severity == "" {
			continue
		}
		remedy, _ := about.Custom["remedy"].(string)
		last, _ := m.Package.Path[len(m.Package.Path)-1].Value.(ast.String)
		name := strings.ReplaceAll(string(last), "_", "-")
		if id, ok := about.Custom["name"].(string); ok {
			name = id
		}
		r := rule{name, severity, about.Title, oneLine(about.Description), oneLine(remedy), ""}
		if own[file] != nil {
			r.Docs = docs + "#" + name
		}
		rules = append(rules, r)
	}
	slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.Name, b.Name) })
	return rules
}

func packageAnnotations(m *ast.Module) *ast.Annotations {
	for _, a := range m.Annotations {
		if a.Scope == "package" {
			return a
		}
	}
	return &ast.Annotations{}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
