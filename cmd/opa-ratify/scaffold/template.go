// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opa-ratify/opa-ratify/bundles"
)

// template is a bundle of ours, made somebody else's. The files are sorted.
type template struct{ files []file }

type file struct {
	name  string // slash-separated, inside of the bundle
	text  string
	edits []edit
}

// edit is a line that only the user can write.
type edit struct {
	file string
	row  int // from 1
	hint string
}

// read makes a template of the bundle called name, to be written to dir.
func read(name, dir string) (template, error) {
	files, err := bundles.Open(name)
	if err != nil {
		return template{}, fmt.Errorf("there is no bundle %q to start from; there are %s", name, strings.Join(bundles.Names(), ", "))
	}
	var t template
	err = fs.WalkDir(files, ".", func(inner string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, inner)
		t.files = append(t.files, convert(inner, relocate(string(text), name, dir)))
		return err
	})
	return t, err
}

// titleOf is the first heading of a bundle's README.
func titleOf(name string) (string, error) {
	files, err := bundles.Open(name)
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(files, "README.md")
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimLeft(line, "# "), nil
}

// repository is where links that lead out of a bundle go.
const repository = "https://github.com/opa-ratify/opa-ratify/blob/main/"

// relocate writes the paths in commands and links as they are in dir.
func relocate(text, name, dir string) string {
	return strings.NewReplacer("](../../", "]("+repository, "](../", "]("+repository+"bundles/", "bundles/"+name, dir).Replace(text)
}

// mark is the comment at the end of a line that holds a sample.
var mark = regexp.MustCompile(`^(\s*(?:- )*(?:(?:[\w-]+|"[^"]*"): ?)?)(.*?)\s*# edit: (.+)$`) //nolint:gochecknoglobals // a constant, but for its type

// convert replaces the samples in data by placeholders, which no verifier takes
// for trust. An empty list or object trusts nobody as it is, and stays.
func convert(name, text string) file {
	f := file{name: name, text: text}
	if !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
		return f
	}
	var lines []string
	block := -1 // indentation of the line whose block is left out
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if block >= 0 && (strings.TrimSpace(line) == "" || indentation(line) > block) {
			continue
		}
		block = -1
		if parts := mark.FindStringSubmatch(line); parts != nil {
			prefix, value, hint := parts[1], parts[2], parts[3]
			f.edits = append(f.edits, edit{name, len(lines) + 1, hint})
			if value == "|" {
				block = indentation(line)
			}
			if value != "[]" && value != "{}" {
				line = prefix + placeholder(value, hint)
			}
		}
		lines = append(lines, line)
	}
	f.text = strings.Join(lines, "\n") + "\n"
	return f
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// placeholder is of the value's kind: a list with one element, or text.
func placeholder(value, hint string) string {
	text := strconv.Quote("<" + hint + ">")
	if strings.HasPrefix(value, "[") {
		return "[" + text + "]"
	}
	return text
}

func (t template) edits() []edit {
	var edits []edit
	for _, f := range t.files {
		edits = append(edits, f.edits...)
	}
	return edits
}

var errNotEmpty = errors.New("it is not empty, and nothing is overwritten; name a new directory")

// write writes the files into a directory that is new or empty.
func (t template) write(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return errNotEmpty
	}
	for _, f := range t.files {
		if err := create(filepath.Join(dir, filepath.FromSlash(f.name)), f.text); err != nil {
			return err
		}
	}
	return nil
}

func create(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // as any source, for everybody to read
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as any source, for everybody to read
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
