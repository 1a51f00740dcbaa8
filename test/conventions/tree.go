// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// module is the import path of the repository's root.
const module = "github.com/opa-ratify/opa-ratify"

// Tree is a repository, read once. It must not be changed.
type Tree struct {
	files     []file
	positions *token.FileSet
}

// file is one file of the repository.
type file struct {
	path   string // slash-separated, relative to the root
	text   []byte
	syntax *ast.File // nil unless the file is Go outside testdata
}

// Read reads the repository below fsys, but not what .git holds and what make builds.
// The error names the file that cannot be read or parsed.
func Read(fsys fs.FS) (*Tree, error) {
	t := &Tree{positions: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "coverage"}, name):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		default:
			return t.add(fsys, name)
		}
	})
	return t, err
}

func (t *Tree) add(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	f := file{path: name, text: text}
	if path.Ext(name) == ".go" && !f.isTestdata() {
		f.syntax, err = parser.ParseFile(t.positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
	}
	t.files = append(t.files, f)
	return err
}

// goFiles are the files with syntax, tests included.
func (t *Tree) goFiles() []file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f file) bool { return f.syntax == nil })
}

// packages are the non-test Go files by directory.
func (t *Tree) packages() map[string][]file {
	packages := map[string][]file{}
	for _, f := range t.goFiles() {
		if !f.isTest() {
			packages[f.dir()] = append(packages[f.dir()], f)
		}
	}
	return packages
}

// at writes a finding at a position in a Go file.
func (t *Tree) at(pos token.Pos, format string, args ...any) string {
	p := t.positions.Position(pos)
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

func (f file) dir() string { return path.Dir(f.path) }

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) isTestdata() bool { return slices.Contains(strings.Split(f.path, "/"), "testdata") }
