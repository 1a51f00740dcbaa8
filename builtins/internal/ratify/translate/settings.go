// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
)

// settings takes over what the set implies for the configuration.
func (t *translator) settings() {
	for _, s := range t.set.Settings {
		if !plausible(s) {
			s.At.Add(finding.NoCounterpart, "lies outside of what the setting "+s.Path+" allows; the default stays", "")
			continue
		}
		t.plan.configuration.settings = append(t.plan.configuration.settings, s)
	}
}

// plausible: timeouts are a minute at most.
func plausible(s resource.Setting) bool {
	const longest = 60_000 // milliseconds
	var n int
	if _, err := fmt.Sscanf(s.Text, "%dms", &n); err != nil {
		return true
	}
	return n > 0 && n <= longest
}
