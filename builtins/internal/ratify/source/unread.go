// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"gopkg.in/yaml.v3"
)

// Skip marks all of v as read: it is known and of no interest.
func (v Value) Skip() { skip(v.node, v.file) }

func skip(n *yaml.Node, f *file) {
	if n == nil {
		return
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			f.read[child] = true
		}
		skip(child, f)
	}
}

// Unread notes every key below v that nobody asked for. Values of such keys are
// not repeated: they may be secrets.
func (v Value) Unread() {
	switch {
	case v.IsMap():
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			k := v.node.Content[i]
			child := Value{node: v.node.Content[i+1], key: k, file: v.file, owner: v.owner, path: v.below(k.Value)}
			if v.file.read[k] {
				child.Unread()
				continue
			}
			at := Value{node: k, file: v.file, owner: v.owner, path: child.path}
			at.Mistake("is not known here and was not migrated", v.nearest(k.Value))
		}
	case v.IsList():
		for _, item := range v.List() {
			item.Unread()
		}
	}
}

// nearest suggests what an unknown key may have meant among those somebody asked
// for.
func (v Value) nearest(key string) string {
	const worthALook = 64 // longer keys are no typo; the comparison is quadratic
	best, distance := "", len(key)/2+1
	for _, known := range v.file.asked[v.node] {
		if len(key) > worthALook || strings.EqualFold(key, known) {
			continue
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(key), strings.ToLower(known)); d < distance {
			best, distance = known, d
		}
	}
	if best == "" {
		return "check its spelling and its indentation"
	}
	return fmt.Sprintf("did you mean %q?", best)
}
