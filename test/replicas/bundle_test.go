// SPDX-License-Identifier: Apache-2.0

package replicas_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors
`

// bundles serves the latest bundle under one URL, as a web server does.
type bundles struct {
	*httptest.Server

	mu       sync.Mutex
	current  []byte
	revision int
}

func newBundles(t *testing.T) *bundles {
	t.Helper()
	b := &bundles{}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	return b
}

func (b *bundles) serve(w http.ResponseWriter, req *http.Request) {
	b.mu.Lock()
	current, etag := b.current, strconv.Quote(strconv.Itoa(b.revision))
	b.mu.Unlock()
	w.Header().Set("ETag", etag)
	if req.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/gzip")
	_, _ = w.Write(current) // who went away asks again
}

// publish builds a bundle with the policy and a trust document, and serves it from
// now on.
func (b *bundles) publish(t *testing.T, trust map[string]any) {
	t.Helper()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "bundle.tar.gz")
	fatal(t, os.Mkdir(filepath.Join(dir, "trust"), 0o700))
	fatal(t, os.WriteFile(filepath.Join(dir, "trust", "trust.rego"), []byte(policy), 0o600))
	data := must(json.Marshal(map[string]any{"release": trust}))(t)
	fatal(t, os.WriteFile(filepath.Join(dir, "trust", "data.json"), data, 0o600))
	if output, err := exec.CommandContext(t.Context(), binary, "build", "-b", dir, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	raw := must(os.ReadFile(out))(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current, b.revision = raw, b.revision+1
}
