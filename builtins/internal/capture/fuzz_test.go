// SPDX-License-Identifier: Apache-2.0

package capture

import (
	"testing"
)

// FuzzArchive reads evidence.json as a stranger may have written it.
func FuzzArchive(f *testing.F) {
	f.Add([]byte(`{"version":1,"captured_at":"2026-01-01T00:00:00Z","tags":[{"reference":"r.example/a:v1"}]}`))
	f.Add([]byte(`{"version":1,"captured_at":"2026-01-01T00:00:00Z","contents":[{"kind":"blob","digest":"../../etc/passwd","descriptor":{}}]}`))
	f.Add([]byte(`{"version":1,"captured_at":"2026-01-01T00:00:00Z","revocation":[{"key":"k","results":[{"servers":[{}]}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := parseArchive(raw)
		if err == nil && (a.Version != archiveVersion || a.CapturedAt.IsZero()) {
			t.Errorf("accepted version %d at %v", a.Version, a.CapturedAt)
		}
	})
}
