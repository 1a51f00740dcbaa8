// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// Join returns the section base with what more adds to it: entries of lists come
// after those of base, and what base says already stays. Entries of a list of
// registries that base has are left out.
func Join(base, more []byte) ([]byte, error) {
	first, err := document(base)
	if err != nil {
		return nil, err
	}
	second, err := document(more)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(join(first, second))
}

func join(base, more *yaml.Node) *yaml.Node {
	switch {
	case base == nil || base.Tag == "!!null":
		return more
	case more == nil || base.Kind != more.Kind:
	case base.Kind == yaml.SequenceNode:
		for _, entry := range more.Content {
			if !slices.ContainsFunc(base.Content, func(b *yaml.Node) bool { return alike(b, entry) }) {
				base.Content = append(base.Content, entry)
			}
		}
	case base.Kind == yaml.MappingNode:
		joinMaps(base, more)
	}
	return base
}

func joinMaps(base, more *yaml.Node) {
	for i := 0; i+1 < len(more.Content); i += 2 {
		key := more.Content[i]
		if own := child(base, key.Value); own != nil {
			*own = *join(own, more.Content[i+1])
			continue
		}
		base.Content = append(base.Content, key, more.Content[i+1])
	}
}

// alike reports entries for the same registry.
func alike(a, b *yaml.Node) bool {
	x, y := child(a, "match"), child(b, "match")
	return x != nil && y != nil && x.Value == y.Value && child(a, "provider") == nil
}
