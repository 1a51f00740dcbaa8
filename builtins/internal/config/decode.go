// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"gopkg.in/yaml.v3"
)

// decoder fills structs from YAML nodes and collects every problem, which
// yaml.v3's own strict mode does not: it stops at some, and names no path.
type decoder struct {
	problems  []error
	lines     map[string]int // path → line, for the checks that follow
	failed    map[string]bool
	skipped   map[string]bool // of another kind than the setting: not read
	multiline bool
}

// newDecoder returns one for the document raw. A document on one line (OPA hands
// plugins theirs so) has no lines worth naming.
func newDecoder(raw []byte) *decoder {
	multiline := bytes.Contains(bytes.TrimSpace(raw), []byte("\n"))
	return &decoder{lines: map[string]int{}, failed: map[string]bool{}, skipped: map[string]bool{}, multiline: multiline}
}

// report adds a problem. Only the first about a path is kept: what follows from
// it would mislead.
func (d *decoder) report(path, format string, args ...any) {
	if d.failed[path] || d.partOfUnread(path) {
		return
	}
	d.failed[path] = true
	d.problems = append(d.problems, &Error{Path: path, Problem: fmt.Sprintf(format, args...), Line: d.lines[path]})
}

// unread reports a value that is of another kind than the setting.
func (d *decoder) unread(path string, n *yaml.Node, wanted string) {
	d.report(path, "is %s; write %s", kind(n), wanted)
	d.skipped[path] = true
}

// partOfUnread reports whether path belongs to such a value: nothing of it is missing
// besides.
func (d *decoder) partOfUnread(path string) bool {
	for ; path != ""; path = path[:max(strings.LastIndexAny(path, ".["), 0)] {
		if d.skipped[path] {
			return true
		}
	}
	return false
}

func (d *decoder) decode(root *yaml.Node, c *Config) {
	d.value(root, reflect.ValueOf(c).Elem(), section)
}

// value fills v, which keeps its default when n is null.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	d.at(path, n)
	switch {
	case n.Kind == yaml.AliasNode:
		d.report(path, "is a YAML alias; write the value out")
	case n.Tag == "!!null":
	case d.special(n, v, path):
	case v.Kind() == reflect.Struct && !isScalar(v):
		d.object(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path)
	case n.Kind != yaml.ScalarNode:
		d.unread(path, n, expected(v))
	default:
		d.scalar(n, v, path)
	}
}

// special lets a type read itself that is written in more than one shape.
func (d *decoder) special(n *yaml.Node, v reflect.Value, path string) bool {
	r, ok := reflect.TypeAssert[interface {
		read(d *decoder, n *yaml.Node, path string)
	}](v.Addr())
	if ok {
		r.read(d, n, path)
	}
	return ok
}

// at remembers where path stands.
func (d *decoder) at(path string, n *yaml.Node) {
	if d.multiline {
		d.lines[path] = n.Line
	}
}

// appearsTwice begins the problem of a key that is there again.
const appearsTwice = "appears twice"

func (d *decoder) object(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.unread(path, n, "an object with some of "+strings.Join(names(settings(v, "")), ", "))
		return
	}
	known, chosen := d.choose(n, v, path)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		field := slices.IndexFunc(known, func(s setting) bool { return s.is(key) })
		if field < 0 {
			d.at(path+"."+printable(key), n.Content[i])
			if chosen || isCredential(key) {
				d.unknown(n.Content[i+1], known, path, key)
			}
			continue
		}
		s := known[field]
		at := path + "." + key
		switch {
		case seen[s.name]:
			d.report(at, appearsTwice+"%s", twice(s, known))
		default:
			seen[s.name] = true
			if !s.chooses { // it was read first
				d.value(n.Content[i+1], s.value, at)
			}
		}
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.unread(path, n, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.value(item, v.Index(i), at)
		if item.Tag == "!!null" {
			d.report(at, "is null; write a value or remove it")
		}
	}
}

// unknown reports a key nobody reads, and first whether it looks like a
// credential, at any depth.
func (d *decoder) unknown(n *yaml.Node, known []setting, path, key string) {
	at := path + "." + printable(key)
	if isCredential(key) {
		d.report(at, "looks like a credential; this section is shown unredacted by GET /v1/config and opa.runtime(), so credentials "+
			"are only given by reference: put them in Docker's config.json and name it in plugins.ratify.docker_config.path, "+
			"or in a file that plugins.ratify.credentials names")
		return
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if isCredential(n.Content[i].Value) {
				d.unknown(n.Content[i+1], known, at, n.Content[i].Value)
			}
		}
	}
	d.report(at, "is not a setting; %s", nearest(key, names(known)))
}

func isCredential(key string) bool {
	key = strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(key))
	for _, word := range []string{"password", "passwd", "passphrase", "token", "secret", "credential", "apikey", "accesskey", "privatekey", "authorization", "bearer"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "auth" || key == "auths"
}

// nearest suggests the known key with the fewest typos, or lists all.
func nearest(key string, known []string) string {
	const worthALook = 64 // longer keys are no typo; the comparison is quadratic
	best, distance := "", 4
	for _, k := range known {
		if len(key) > worthALook {
			break
		}
		if n := levenshtein.ComputeDistance(strings.ToLower(key), k); n < distance {
			best, distance = k, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known here are " + strings.Join(known, ", ")
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "an object"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

// printable makes a stranger's key fit for a path on one line.
func printable(key string) string {
	const shown = 64
	if len(key) > shown {
		key = key[:shown] + "…"
	}
	if quoted := fmt.Sprintf("%q", key); quoted[1:len(quoted)-1] != key || strings.ContainsAny(key, " .[]") {
		return quoted
	}
	return key
}
