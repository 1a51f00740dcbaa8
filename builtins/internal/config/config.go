// SPDX-License-Identifier: Apache-2.0

// Package config reads the section plugins.ratify of OPA's configuration: how
// the process reaches the world. What is trusted is never configured here; it
// reaches a built-in as an operand.
//
//	raw ──YAML──▶ nodes ──decode──▶ Config (defaults beneath) ──check──▶ Config
//
// [Parse] reads the bare section, [Load] a file that holds either the section or
// a whole OPA configuration. Both name every problem at once, each with the path
// of the setting, what was found and what to write instead:
//
//	config: plugins.ratify.gatekeeper.timeout "3": not a duration; write a number with a unit, "2.8s"
//
// There is no place for a credential: GET /v1/config and opa.runtime() show the
// section as it is, so a key that looks like one is refused.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

// section is where the configuration lives in OPA's.
const section = "plugins.ratify"

// maxFileBytes bounds a configuration or CA file: a hundred times the largest
// CA bundle in use.
const maxFileBytes = 32 << 20

// Error is one problem of a configuration.
type Error struct {
	Path    string // "plugins.ratify.registries[1].ca_file"; "" for the document as a whole
	Problem string // what was found and what to write instead
	Line    int    // in the YAML document, from 1; 0 when it is not known
}

// Error returns the problem on one line.
func (e *Error) Error() string {
	s := "config: "
	if e.Path != "" {
		s += e.Path + " "
	}
	s += e.Problem
	if e.Line > 0 {
		s += fmt.Sprintf(" (line %d)", e.Line)
	}
	return s
}

// Parse reads the section plugins.ratify, YAML or JSON; empty means all
// defaults. It reads the CA files the section names. The error joins one
// [*Error] per problem, and the Config is nil then.
func Parse(raw []byte) (*Config, error) {
	root, err := document(raw)
	if err != nil {
		return nil, err
	}
	return build(root, newDecoder(raw))
}

// Load reads a file that holds either the section or an OPA configuration with
// plugins.ratify in it. Errors as [Parse], and those of reading the file.
func Load(path string) (*Config, error) {
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: read %s: %w", path, err)
	}
	root, err := document(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if plugins := child(root, "plugins"); plugins != nil {
		root = child(plugins, "ratify")
	}
	c, err := build(root, newDecoder(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// CheckFile reports what an OPA configuration says twice about plugins.ratify: when OPA
// reads YAML the last one counts and the others are gone, so that [Parse] cannot see
// them. Everything else about the file is left to OPA and to Parse; a pipe, which can
// be read only once, is not looked at.
func CheckFile(path string) error {
	raw, err := readFile(path)
	if err != nil {
		return nil //nolint:nilerr // OPA reads it too, and says so
	}
	root, err := document(raw)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	d := newDecoder(raw)
	for _, key := range []string{"plugins", "ratify"} {
		d.once(root, key)
		root = child(root, key)
	}
	if root != nil {
		d.decode(root, Default())
	}
	return errors.Join(slices.DeleteFunc(d.problems, func(err error) bool {
		e, ok := errors.AsType[*Error](err)
		return !ok || !strings.HasPrefix(e.Problem, appearsTwice)
	})...)
}

// once reports a key of a mapping that is there again.
func (d *decoder) once(n *yaml.Node, key string) {
	seen := 0
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		d.at(key, n.Content[i])
		if seen++; seen == 2 {
			d.report(key, appearsTwice+"; one would be lost; write one")
		}
	}
}

func build(root *yaml.Node, d *decoder) (*Config, error) {
	c := Default()
	if root != nil {
		d.decode(root, c)
	}
	c.check(d)
	if err := errors.Join(d.problems...); err != nil {
		return nil, err
	}
	return c, nil
}

// document returns the root of the one YAML document in raw, nil if it is empty.
func document(raw []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // nothing configured is not an error
	}
	if err != nil {
		return nil, &Error{Path: section, Problem: fmt.Sprintf("is not YAML: %v", err)}
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &Error{Path: section, Problem: "has a second YAML document; write one"}
	}
	if len(doc.Content) != 1 {
		return nil, nil //nolint:nilnil // a document of comments only
	}
	return doc.Content[0], nil
}

// child returns the value of key in a mapping, nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// readFile reads a file of at most maxFileBytes.
func readFile(path string) ([]byte, error) {
	raw, err := files.Read(path, maxFileBytes)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errMissing{}
	}
	return raw, err
}

// errMissing is [os.ErrNotExist] with a remedy.
type errMissing struct{}

func (errMissing) Error() string        { return "no such file; correct the path or mount the file" }
func (errMissing) Is(target error) bool { return target == os.ErrNotExist }
