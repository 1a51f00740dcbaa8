// SPDX-License-Identifier: Apache-2.0

// Package tokens_test counts what the unmodified binary asks of clouds' token
// services when Gatekeeper asks about 200 images at once.
package tokens_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// binary is the freshly built opa-ratify.
var binary string

func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}

// images are asked about at the same time, half of them at each of two registries.
const images = 200

const repository = "app"

const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors
`

// shelf is the registry behind those of every cloud, and who signed what is there.
type shelf struct {
	*registrytest.Registry
	trust []byte
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	servetest.WatchSources(t)
	s := &shelf{Registry: registrytest.Start(t, registrytest.Options{})}
	ca := must(signtest.NewCA(signtest.CAOptions{}))(t)
	signer := must(ca.Leaf(signtest.LeafOptions{}))(t)
	for i := range images {
		image := must(s.PushImage(t.Context(), repository, tag(i)))(t)
		must(signer.SignAndAttach(t.Context(), s.Registry, repository, image, signtest.SignOptions{}))(t)
	}
	s.trust = must(json.Marshal(map[string]any{"trust": map[string]any{"release": ca.TrustDocument()}}))(t)
	return s
}

func (s *shelf) upstream(t *testing.T) http.Handler {
	t.Helper()
	return httputil.NewSingleHostReverseProxy(must(url.Parse(s.URL()))(t))
}

func tag(i int) string { return fmt.Sprintf("v%d", i) }

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// serve starts the binary as a pod of the cloud.
func (s *shelf) serve(t *testing.T, c *cloud) *servetest.Server {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	proxy := cloudtest.Start(t, c.hosts)
	c.proxy = proxy
	env := append(os.Environ(), proxy.Env()...)
	for name, value := range c.pod {
		env = append(env, name+"="+value)
	}
	if c.tokenFile != "" {
		env = append(env, c.tokenFile+"="+write("service-account-token", c.token))
	}
	server := must(servetest.Start(t.Context(), servetest.Options{Binary: binary, Dir: dir, Env: env, Args: []string{
		"--config-file", write("config.yaml", "plugins: {ratify: {gatekeeper: {timeout: 1m}, credentials: ["+c.credentials+"]}}"),
		write("policy.rego", policy), write("data.json", string(s.trust)),
	}}))(t)
	t.Cleanup(server.Stop)
	return server
}

// ask asks about an image as Gatekeeper does, and wants it to be verified.
func ask(t *testing.T, client *http.Client, server, image string) {
	t.Helper()
	body := must(json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": []string{image}},
	}))(t)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/ratify/gatekeeper/v1/verify", bytes.NewReader(body)))(t)
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	var answer struct {
		Response struct {
			SystemError string
			Items       []struct {
				Value struct{ IsSuccess bool }
				Error string
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Error(err)
		return
	}
	if items := answer.Response.Items; len(items) != 1 || !items[0].Value.IsSuccess {
		t.Errorf("%s: %+v", image, answer.Response)
	}
}

// TestTokenRequests also compares the table in the README of builtins/plugin, which is
// this one.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	table := []string{
		"| cloud, 200 images at once | identity | credential of the registry | the registry's own token |",
		"| --- | --- | --- | --- |",
	}
	for _, start := range []func(*testing.T, http.Handler) *cloud{startAzure, startAlibaba, startAWS, startGoogle} {
		c := start(t, s.upstream(t))
		server := s.serve(t, c)
		client := must(server.Certificates.Client())(t)
		begin := make(chan struct{})
		var asking sync.WaitGroup
		for i := range images {
			image := c.registries[i%len(c.registries)] + "/" + repository + ":" + tag(i)
			asking.Go(func() {
				<-begin
				ask(t, client, server.URL, image)
			})
		}
		close(begin)
		asking.Wait()
		table = append(table, c.row())
		if got := c.counts(); got != c.want {
			t.Errorf("%s: %v requests, want %v", c.name, got, c.want)
		}
	}
	text := strings.Join(table, "\n") + "\n"
	t.Log("\n" + text)
	if readme := must(os.ReadFile(filepath.Join(servetest.Product, "builtins", "plugin", "README.md")))(t); !strings.Contains(string(readme), text) {
		t.Error("builtins/plugin/README.md has another table")
	}
}
