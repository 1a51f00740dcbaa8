// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
)

//go:embed ratify
var files embed.FS

// required are the topics that every compilation gets.
var required atomic.Pointer[[]string] //nolint:gochecknoglobals // OPA's default loader is one per process, and so is what it must load

// Install makes every compiler of this process load the library on demand. It
// must be called once, after the built-ins are registered and before anything is
// compiled.
func Install() {
	ast.DefaultModuleLoader(opener(sync.OnceValues(func() (*library, error) { return open(files) })).load)
}

// opener parses the library when it is first needed, which takes longer than most
// policies take to compile.
type opener func() (*library, error)

// load is that of the library, which is opened for modules that have to do with it.
func (o opener) load(modules map[string]*ast.Module) (map[string]*ast.Module, error) {
	if names := required.Load(); (names == nil || len(*names) == 0) && !concerned(modules) {
		return nil, errors.Join(mocksIn(modules)...)
	}
	l, err := o()
	if err != nil {
		return nil, fmt.Errorf("embedded Rego library: %w", err)
	}
	return l.load(modules)
}

// concerned reports whether a module belongs to the library, refers to it, or
// wants to be taken for it.
func concerned(modules map[string]*ast.Module) bool {
	for _, m := range modules {
		if _, ok := topicOf(m.Package.Path); ok || reserved(m.Package.Path) {
			return true
		}
		for _, imp := range m.Imports {
			if string(imp.Name()) == "ratify" {
				return true
			}
		}
		for ref := range refs(m) {
			if _, ok := topicOf(ref); ok || whole(ref) {
				return true
			}
		}
	}
	return false
}

// Always makes every later compilation load the topics, whether or not a policy
// refers to them. A server that evaluates data.ratify.gatekeeper.item calls it
// before OPA compiles the first policy: OPA does so before it makes plugins, so
// a plugin's factory is too late and a configuration hook is in time. Commands
// that do not serve (check, eval, test, build) must not call it: their
// capabilities may lack the built-ins the topic needs. It may be called
// concurrently; the last call counts.
func Always(topics ...string) {
	required.Store(&topics)
}

// library is the parsed source. Read-only after open.
type library struct {
	topics map[string]*topic // by the last part of the package
}

// topic is one package of the library. A topic is one file.
type topic struct {
	file     string      // key among a compiler's modules
	parsed   *ast.Module // what is given to compilers
	resolved *ast.Module // what a compiler makes of it before it asks the loader
	names    map[string]bool
	needs    []string // other topics it refers to
}

func open(source fs.FS) (*library, error) {
	l := &library{topics: map[string]*topic{}}
	err := fs.WalkDir(source, "ratify", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, "_test.rego") {
			return err
		}
		return l.add(source, path)
	})
	if err != nil {
		return nil, err
	}
	return l, l.resolve()
}

func (l *library) add(source fs.FS, path string) error {
	text, err := fs.ReadFile(source, path)
	if err != nil {
		return err
	}
	file := "library/" + path
	m, err := ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
	if err != nil {
		return err
	}
	name, ok := topicOf(m.Package.Path)
	if !ok || l.topics[name] != nil {
		return fmt.Errorf("parse %s: %v is not a package of its own below data.ratify", path, m.Package)
	}
	t := &topic{file: file, parsed: m, names: map[string]bool{}}
	for _, rule := range m.Rules {
		if name, ok := rule.Head.Ref()[0].Value.(ast.Var); ok {
			t.names[string(name)] = true
		}
	}
	l.topics[name] = t
	return nil
}

var errResolved = errors.New("resolved")

// resolve takes down what a compiler passes to a loader, by being one.
func (l *library) resolve() error {
	modules := map[string]*ast.Module{}
	for name, t := range l.topics {
		modules[name] = t.parsed
	}
	c := ast.NewCompiler().WithModuleLoader(func(resolved map[string]*ast.Module) (map[string]*ast.Module, error) {
		for name, t := range l.topics {
			t.resolved = resolved[name].Copy()
		}
		return nil, errResolved
	})
	c.Compile(modules)
	for name, t := range l.topics {
		if t.resolved == nil {
			return fmt.Errorf("compile library: %w", c.Errors)
		}
		for ref := range refs(t.resolved) {
			if other, ok := topicOf(ref); ok && other != name {
				t.needs = append(t.needs, other)
			}
		}
	}
	return nil
}
