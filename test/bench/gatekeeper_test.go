// SPDX-License-Identifier: Apache-2.0

// Package bench_test measures the real binary as Gatekeeper meets it: provider
// requests over mutual TLS 1.3, one connection. What the engine costs inside is
// measured by the benchmarks beside package builtins.
package bench_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

const images = 50

const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors`

// The states of the provider's memory, as configurations: everything known;
// contents known, but tags and referrers asked again; nothing known.
var states = map[string]string{
	"warm": `{tag_ttl: 1h, referrers_ttl: 1h}`,
	"ttl":  `{tag_ttl: 0s, referrers_ttl: 0s}`,
	"cold": `{tag_ttl: 0s, referrers_ttl: 0s, content_bytes: 0, entries: 1}`,
}

var binary string

// TestMain builds the binary only for benchmarks: no test here needs it.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		os.Exit(m.Run())
	}
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}

// world is a registry with signed images.
type world struct {
	registry *registrytest.Registry
	tags     []string
	trust    []byte
}

func newWorld(b *testing.B, o registrytest.Options) *world {
	b.Helper()
	w := &world{registry: registrytest.Start(b, o)}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(b, err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	fatal(b, err)
	for i := range images {
		repo := fmt.Sprintf("app%d", i)
		image, err := w.registry.PushImage(b.Context(), repo, "v1")
		fatal(b, err)
		_, err = signer.SignAndAttach(b.Context(), w.registry, repo, image, signtest.SignOptions{})
		fatal(b, err)
		w.tags = append(w.tags, w.registry.Host()+"/"+repo+":v1")
	}
	w.trust, err = json.Marshal(map[string]any{"trust": map[string]any{"release": ca.TrustDocument()}})
	fatal(b, err)
	return w
}

func fatal(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// provider is the running binary and a client with one connection.
type provider struct {
	*servetest.Server

	client *http.Client
}

func (w *world) serve(b *testing.B, state string) *provider {
	b.Helper()
	dir := b.TempDir()
	write := func(name, content string) string {
		name = filepath.Join(dir, name)
		fatal(b, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	server, err := servetest.Start(b.Context(), servetest.Options{Binary: binary, Dir: dir, Args: []string{
		"--config-file", write("config.yaml", "plugins: {ratify: {cache: "+states[state]+"}}"),
		write("policy.rego", policy), write("data.json", string(w.trust)),
	}})
	fatal(b, err)
	b.Cleanup(server.Stop)
	client, err := server.Certificates.Client()
	fatal(b, err)
	return &provider{server, client}
}

// ask posts a provider request and insists that every key is admitted.
func (p *provider) ask(b *testing.B, keys []string) {
	b.Helper()
	body, err := json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": keys},
	})
	fatal(b, err)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, p.URL+"/ratify/gatekeeper/v1/verify", bytes.NewReader(body))
	fatal(b, err)
	resp, err := p.client.Do(req)
	fatal(b, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	fatal(b, err)
	if n := bytes.Count(answer, []byte(`"isSuccess":true,`)); n < len(keys) {
		b.Fatalf("%d of %d admitted: %.500s", n, len(keys), answer)
	}
}

// memory reads what the server has allocated so far.
func (p *provider) memory(b *testing.B) (allocations, bytes float64) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.Diagnostic+"/metrics", http.NoBody)
	fatal(b, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	fatal(b, err)
	defer resp.Body.Close()
	into := map[string]*float64{"go_memstats_mallocs_total": &allocations, "go_memstats_alloc_bytes_total": &bytes}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if to := into[name]; to != nil {
			*to, err = strconv.ParseFloat(value, 64)
			fatal(b, err)
		}
	}
	fatal(b, lines.Err())
	return allocations, bytes
}

// BenchmarkGatekeeper measures one provider request. server-allocs/op and
// server-B/op are the server's; requests/op is counted at the registry.
func BenchmarkGatekeeper(b *testing.B) {
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		w := newWorld(b, registrytest.Options{Latency: latency})
		for _, state := range []string{"cold", "ttl", "warm"} {
			for _, keys := range []int{1, images} {
				b.Run(fmt.Sprintf("latency=%v/keys=%d/%s", latency, keys, state), func(b *testing.B) {
					w.measure(b, state, keys)
				})
			}
		}
	}
}

func (w *world) measure(b *testing.B, state string, keys int) {
	b.Helper()
	p := w.serve(b, state)
	p.ask(b, w.tags[:keys])
	allocations, bytes := p.memory(b)
	w.registry.ResetRequests()
	for i := 0; b.Loop(); i++ {
		first := 0
		if keys == 1 && state == "cold" { // the last image is still known
			first = i % images
		}
		p.ask(b, w.tags[first:first+keys])
	}
	n := float64(b.N)
	b.ReportMetric(float64(len(w.registry.Requests()))/n, "requests/op")
	allocationsNow, bytesNow := p.memory(b)
	b.ReportMetric((allocationsNow-allocations)/n, "server-allocs/op")
	b.ReportMetric((bytesNow-bytes)/n, "server-B/op")
	b.ReportMetric(float64(p.ResidentBytes()>>20), "server-RSS-MiB")
}
