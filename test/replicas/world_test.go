// SPDX-License-Identifier: Apache-2.0

package replicas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// replicaCount is how many servers there are.
const replicaCount = 3

// world is a registry with three images, and the servers.
type world struct {
	registry *registrytest.Registry
	bundles  *bundles
	replicas []*servetest.Server
	address  *address
	client   *http.Client

	ours, theirs *signtest.CA
	images       []string // signed by ours, by theirs, by nobody
}

// answer is which of the images were admitted, in order: "+--".
type answer string

const (
	oursTrusted   answer = "+--"
	theirsTrusted answer = "-+-"
)

// newWorld starts everything. redis is the setting plugins.ratify.cache.redis.
func newWorld(t *testing.T, redis string) *world {
	t.Helper()
	servetest.WatchSources(t)
	w := &world{registry: registrytest.Start(t, registrytest.Options{}), bundles: newBundles(t)}
	w.ours = must(signtest.NewCA(signtest.CAOptions{}))(t)
	w.theirs = must(signtest.NewCA(signtest.CAOptions{CommonName: "theirs"}))(t)
	w.push(t, "ours", w.ours)
	w.push(t, "theirs", w.theirs)
	w.push(t, "unsigned", nil)
	w.bundles.publish(t, w.ours.TrustDocument())
	w.serve(t, redis)
	return w
}

func (w *world) push(t *testing.T, repo string, by *signtest.CA) {
	t.Helper()
	image := must(w.registry.PushImage(t.Context(), repo, "v1"))(t)
	w.images = append(w.images, w.registry.Host()+"/"+repo+":v1")
	if by != nil {
		signer := must(by.Leaf(signtest.LeafOptions{}))(t)
		must(signer.SignAndAttach(t.Context(), w.registry, repo, image, signtest.SignOptions{}))(t)
	}
}

// serve starts the replicas. What is known is believed for so long that a slow
// machine does not ask for it again.
func (w *world) serve(t *testing.T, redis string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "opa.yaml")
	fatal(t, os.WriteFile(config, fmt.Appendf(nil, `
services: {web: {url: %s}}
bundles: {trust: {service: web, resource: /bundle.tar.gz, polling: {min_delay_seconds: 1, max_delay_seconds: 1}}}
plugins: {ratify: {notation: {disabled: true}, cache: {tag_ttl: 1h, referrers_ttl: 1h, redis: {%s}}}}
`, w.bundles.URL, redis), 0o600))
	certificates := must(servetest.NewCertificates(t.TempDir()))(t)
	for range replicaCount {
		s := must(servetest.Start(t.Context(), servetest.Options{Binary: binary, Certificates: &certificates, Args: []string{"-c", config}}))(t)
		t.Cleanup(s.Stop)
		w.replicas = append(w.replicas, s)
	}
	w.address = newAddress(t, w.replicas)
	w.client = must(certificates.Client())(t)
	w.client.Transport.(*http.Transport).DisableKeepAlives = true // each request is somebody else's
	w.client.Timeout = time.Minute
}

// ask asks about all images in one request. The error is of the connection.
func (w *world) ask(ctx context.Context, url string) (answer, error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": w.images},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/ratify/gatekeeper/v1/verify", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	return w.read(raw), nil
}

// read returns the answer, or the whole text if it is none.
func (w *world) read(raw []byte) answer {
	var got struct {
		Response struct {
			Items []struct {
				Key   string `json:"key"`
				Value struct {
					IsSuccess bool `json:"isSuccess"`
				} `json:"value"`
			} `json:"items"`
			SystemError string `json:"systemError"`
		} `json:"response"`
	}
	if err := json.Unmarshal(raw, &got); err != nil || got.Response.SystemError != "" || len(got.Response.Items) != len(w.images) {
		return answer(raw)
	}
	words := make([]string, len(w.images))
	for i, item := range got.Response.Items {
		words[i] = map[bool]string{true: "+", false: "-"}[item.Value.IsSuccess]
		if item.Key != w.images[i] {
			return answer(raw)
		}
	}
	return answer(strings.Join(words, ""))
}

// want asks once, and wants an answer that is among those.
func (w *world) want(t *testing.T, url string, want ...answer) answer {
	t.Helper()
	got := must(w.ask(t.Context(), url))(t)
	if !slices.Contains(want, got) {
		t.Fatalf("%s: want one of %q", got, want)
	}
	return got
}

// await polls until done, for at most a minute.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	timeout, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited for a minute: %s", what)
		}
	}
}

// must makes a helper of what a function returned.
func must[V any](v V, err error) func(testing.TB) V {
	return func(tb testing.TB) V {
		tb.Helper()
		fatal(tb, err)
		return v
	}
}

func fatal(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
