// SPDX-License-Identifier: Apache-2.0

package url_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/url"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// web is a server of keys.
type web struct {
	mu       sync.Mutex
	pages    map[string]string
	requests atomic.Int32
}

func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.requests.Add(1)
	w.mu.Lock()
	page, ok := w.pages[r.URL.Path]
	w.mu.Unlock()
	switch {
	case strings.HasPrefix(page, "http"):
		http.Redirect(rw, r, page, http.StatusFound)
	case !ok:
		http.Error(rw, "token=hunter2", http.StatusNotFound)
	case page == "":
		rw.WriteHeader(http.StatusServiceUnavailable)
	default:
		_, _ = rw.Write([]byte(page)) // the client's to notice
	}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func outcome(t *testing.T, s keys.Source) map[string]string {
	t.Helper()
	snapshot, err := s.Fetch(t.Context())
	got := map[string]string{}
	failed := false
	for _, k := range snapshot.Keys {
		got[k.Name] = string(k.PEM)
		if k.Err != nil {
			got[k.Name] = "! " + k.Err.Error()
			failed = true
		}
	}
	if (err != nil) != failed {
		t.Errorf("error %v beside %v", err, got)
	}
	return got
}

func TestFetchWantsTheDigest(t *testing.T) {
	t.Parallel()
	w := &web{pages: map[string]string{"/a": "A", "/changed": "B2", "/down": "", "/large": strings.Repeat("x", 1<<20+1)}}
	server := httptest.NewTLSServer(w)
	t.Cleanup(server.Close)
	elsewhere := httptest.NewServer(w)
	t.Cleanup(elsewhere.Close)
	w.pages["/clear"] = elsewhere.URL + "/a"
	client := server.Client()
	client.CheckRedirect = outbound.CheckRedirect
	at := func(path string) string { return server.URL + path + "?signature=hunter2" }
	s := url.New(url.Options{Client: client, Keys: []url.Key{
		{Name: "a", URL: at("/a"), SHA256: digest("A")},
		{Name: "changed", URL: at("/changed"), SHA256: digest("B")},
		{Name: "gone", URL: at("/gone"), SHA256: digest("C")},
		{Name: "down", URL: at("/down"), SHA256: digest("D")},
		{Name: "large", URL: at("/large"), SHA256: digest("E")},
		{Name: "clear", URL: at("/clear"), SHA256: digest("A2")},
	}})
	host := strings.TrimPrefix(server.URL, "https://")
	want := map[string]string{
		"a":       "A",
		"changed": "! get " + host + ": the content has the digest " + digest("B2") + ", and sha256 wants " + digest("B") + "; look at what changed before you write the new one",
		"gone":    "! get " + host + ": 404 Not Found",
		"down":    "! get " + host + ": 503 Service Unavailable",
		"large":   "! get " + host + ": body exceeds its limit",
		"clear":   "! get " + host + ": redirect refused: from https://" + host + " to http://" + strings.TrimPrefix(elsewhere.URL, "http://"),
	}
	if diff := cmp.Diff(want, outcome(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// What was fetched once needs no server; what is mended counts.
	w.mu.Lock()
	w.pages = map[string]string{"/changed": "B"}
	w.mu.Unlock()
	before := w.requests.Load()
	got := outcome(t, s)
	if got["a"] != "A" || got["changed"] != "B" {
		t.Errorf("got %v", got)
	}
	if n := w.requests.Load() - before; n != 5 {
		t.Errorf("%d requests, want one for each key but a", n)
	}
}
