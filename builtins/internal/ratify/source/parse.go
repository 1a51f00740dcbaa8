// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
)

// Parse returns the roots of the documents in raw, YAML or JSON. Empty documents
// are left out. What cannot be read is noted as [finding.Unreadable], and then
// nothing is returned: half a file is not what its author meant.
func Parse(name string, raw []byte, findings *finding.List) []Value {
	var roots []Value
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	for range maxDocuments {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots
		}
		if err != nil {
			findings.Add(finding.Unreadable, placeOf(err, name, raw), message(err), hint(err, raw))
			return nil
		}
		if len(document.Content) != 1 {
			continue
		}
		f := newFile(name, findings)
		if !f.check(document.Content[0], 0) {
			return nil
		}
		if root := (Value{node: document.Content[0], file: f}); root.Exists() {
			roots = append(roots, root)
		}
	}
	findings.Add(finding.Unreadable, finding.Place{File: name}, fmt.Sprintf("more than %d documents", maxDocuments), "")
	return nil
}

func newFile(name string, findings *finding.List) *file {
	return &file{name: name, findings: findings, read: map[*yaml.Node]bool{}, asked: map[*yaml.Node][]string{}}
}

// check refuses what could not be walked safely and removes keys that appear
// again later. It reports false if the document cannot be used.
func (f *file) check(n *yaml.Node, depth int) bool {
	at := Value{node: n, file: f}
	switch {
	case depth > maxDepth:
		at.Add(finding.Unreadable, fmt.Sprintf("is nested more than %d deep", maxDepth), "")
		return false
	case n.Kind == yaml.AliasNode:
		at.Add(finding.Unreadable, fmt.Sprintf("*%s is an alias of YAML", n.Value), "write the value out; text that begins with * needs quotes")
		return false
	case n.Kind == yaml.MappingNode:
		f.dropRepeated(n)
	}
	for _, child := range n.Content {
		if !f.check(child, depth+1) {
			return false
		}
	}
	return true
}

// dropRepeated keeps the last of the entries with one key, as Ratify does.
func (f *file) dropRepeated(n *yaml.Node) {
	last := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		last[n.Content[i].Value] = i
	}
	var kept []*yaml.Node
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if earlier, again := first[k.Value]; again {
			Value{node: k, file: f}.Mistake(
				fmt.Sprintf("duplicate key %q: it is also at line %d, and only the last one counts", k.Value, earlier.Line), repeated(k.Value))
		} else {
			first[k.Value] = k
		}
		if last[k.Value] == i {
			kept = append(kept, k, n.Content[i+1])
		}
	}
	n.Content = kept
}

func repeated(key string) string {
	if strings.EqualFold(key, "version") {
		return "for two versions of a key write an entry of the list for each: - {name: …, version: …}"
	}
	return "remove one of them; of what there may be several, make a list"
}

// placeOf finds the line in an error of yaml.v3, and in it the first character.
func placeOf(err error, name string, raw []byte) finding.Place {
	at := finding.Place{File: name}
	match := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error())
	if match == nil {
		return at
	}
	at.Line, _ = strconv.Atoi(match[1]) // digits; too many of them are no line
	if text := line(raw, at.Line); text != "" {
		at.Column = 1 + len(text) - len(strings.TrimLeft(text, " \t"))
	}
	return at
}

func line(raw []byte, n int) string {
	lines := bytes.SplitN(raw, []byte("\n"), n+1)
	if n < 1 || n > len(lines) {
		return ""
	}
	return string(lines[n-1])
}

func message(err error) string {
	text := regexp.MustCompile(`^yaml: (line \d+: )?`).ReplaceAllString(err.Error(), "")
	return "is not YAML: " + text
}

// hint names the usual reasons.
func hint(err error, raw []byte) string {
	text := line(raw, placeOf(err, "", raw).Line)
	switch trimmed := strings.TrimLeft(text, " -"); {
	case bytes.Contains(raw, []byte("{{")):
		return "is it a template? migrate what it renders: helm template … | opa-ratify migrate -"
	case strings.HasPrefix(trimmed, "*") || strings.Contains(text, ": *"):
		return `text that begins with * needs quotes: "*.example"`
	case strings.Contains(text, "\t"):
		return "indent with spaces instead of tabs"
	}
	return ""
}
