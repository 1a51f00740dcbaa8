// SPDX-License-Identifier: Apache-2.0

package verify

import "testing"

func TestKeysOfDifferentPartsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i, parts := range [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"ab"}, {"a b"}, {"a ", "b"}, {"a", " b"}, {"1:a"}, {"1:a1:b"}, {"a1:b"}, {"a", "1:b"},
	} {
		key := keyOf(parts...)
		if other, ok := seen[key]; ok {
			t.Errorf("lists %d and %d have the key %q", other, i, key)
		}
		seen[key] = i
	}
}
