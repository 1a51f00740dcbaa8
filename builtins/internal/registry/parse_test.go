// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

const (
	manifestType = ocispec.MediaTypeImageManifest
	indexType    = ocispec.MediaTypeImageIndex
	dockerType   = "application/vnd.docker.distribution.manifest.v2+json"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, contentType, want, mediaType, artifactType string }{
		{"image", `{"config":{"mediaType":"a/b"},"layers":[]}`, manifestType, "", manifestType, "a/b"},
		{"image with artifact type", `{"artifactType":"c/d","config":{"mediaType":"a/b"},"layers":[]}`, manifestType, manifestType, manifestType, "c/d"},
		{"image named by its field", `{"mediaType":"` + dockerType + `","config":{},"layers":[]}`, "application/json", "", dockerType, ""},
		{"image named by nobody", `{"config":{},"layers":[]}`, "", "", manifestType, ""},
		{"index", `{"manifests":[]}`, indexType, "", indexType, ""},
		{"index named by nobody", `{"manifests":[]}`, "", "", indexType, ""},
		{"index with artifact type", `{"artifactType":"c/d","manifests":[]}`, indexType, "", indexType, "c/d"},
	} {
		mediaType, artifactType, err := registry.Inspect([]byte(tt.body), tt.contentType, tt.want)
		if err != nil || mediaType != tt.mediaType || artifactType != tt.artifactType {
			t.Errorf("%s: got %q, %q, %v", tt.name, mediaType, artifactType, err)
		}
	}
}

func TestInspectRefusesAmbiguity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, contentType, want string }{
		{"index and image", `{"manifests":[],"layers":[]}`, indexType, ""},
		{"index and image by case", `{"manifests":[],"Layers":[]}`, indexType, ""},
		{"index and image by folding", `{"config":{},"layers":[],"manife\u017fts":[]}`, manifestType, ""},
		{"index and config", `{"manifests":[],"config":{}}`, indexType, ""},
		{"field twice", `{"layers":[],"layers":[{}]}`, manifestType, ""},
		{"field twice by case", `{"mediaType":"` + manifestType + `","MediaType":"` + dockerType + `","layers":[]}`, manifestType, ""},
		{"image called index", `{"config":{},"layers":[]}`, indexType, ""},
		{"index called image", `{"manifests":[]}`, manifestType, ""},
		{"header against field", `{"mediaType":"` + dockerType + `","config":{},"layers":[]}`, manifestType, ""},
		{"descriptor against header", `{"config":{},"layers":[]}`, manifestType, dockerType},
		{"descriptor of something else", `{"config":{},"layers":[]}`, manifestType, "text/plain"},
		{"field of something else", `{"mediaType":"text/plain","config":{},"layers":[]}`, manifestType, ""},
		{"schema 1", `{"fsLayers":[],"history":[]}`, "", ""},
		{"neither", `{}`, manifestType, ""},
		{"array", `[]`, manifestType, ""},
		{"nothing", ``, manifestType, ""},
		{"trailing", `{"config":{},"layers":[]}{}`, manifestType, ""},
		{"cut", `{"config":{},"layers":[`, manifestType, ""},
		{"layers that are text", `{"config":"x","layers":[]}`, manifestType, ""},
		{"deep", `{"config":{},"layers":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, manifestType, ""},
	} {
		if mediaType, _, err := registry.Inspect([]byte(tt.body), tt.contentType, tt.want); err == nil {
			t.Errorf("%s: accepted as %s", tt.name, mediaType)
		}
	}
}

func TestNextPage(t *testing.T) {
	t.Parallel()
	asked := &url.URL{Scheme: "https", Host: "registry.example", Path: "/v2/app/referrers/sha256:ab"}
	for _, tt := range []struct {
		link, want string
		ok         bool
	}{
		{"", "", true},
		{`</v2/app/referrers/sha256:ab?n=2>; rel="next"`, "n=2", true},
		{`<https://registry.example:443/v2/app/referrers/sha256:ab?n=2>; rel=next`, "n=2", true},
		{`<?n=2>; rel="next"`, "n=2", true},
		{`<?n=1>; rel="prev", <?n=3>; title=x; rel="last next"`, "n=3", true},
		{`<?n=1>; rel="prev"`, "", true},
		{`<http://registry.example/v2/app/referrers/sha256:ab?n=2>; rel=next`, "", false},
		{`<https://evil.example/v2/app/referrers/sha256:ab?n=2>; rel=next`, "", false},
		{`<//evil.example/v2/app/referrers/sha256:ab?n=2>; rel=next`, "", false},
		{`<https://registry.example:8443/v2/app/referrers/sha256:ab?n=2>; rel=next`, "", false},
		{`</v2/other/referrers/sha256:ab?n=2>; rel=next`, "", false},
		{`</v2/app/referrers/sha256:ab>; rel=next`, "", false},
		{`<:>; rel=next`, "", false},
	} {
		got, err := registry.NextPage([]string{tt.link}, asked)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: got %q, %v", tt.link, got, err)
		}
	}
}

func TestMostSpecificRuleCounts(t *testing.T) {
	t.Parallel()
	c := client(t, registry.Options{Registries: []registry.Registry{
		{Match: "*"}, {Match: "*.example"}, {Match: "*.eu.example"}, {Match: "a.eu.example"}, {Match: "docker.io"},
	}})
	for host, want := range map[string]string{
		"a.eu.example": "a.eu.example", "b.eu.example": "*.eu.example", "evila.eu.example": "*.eu.example", "eu.example": "*.example", "x.y.eu.example": "*",
		"other.test": "*", "docker.io": "docker.io", "a.eu.example:5000": "*",
	} {
		if got := c.MatchRule(host); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestPlainHTTPOnlyWhereSaid(t *testing.T) {
	t.Parallel()
	c := client(t, registry.Options{Registries: []registry.Registry{{Match: "plain.example", PlainHTTP: true}}})
	for host, want := range map[string]string{
		"docker.io": "https://registry-1.docker.io/", "registry.example": "https://registry.example/", "plain.example": "http://plain.example/",
		"localhost:5000": "http://localhost:5000/", "127.0.0.1:5000": "http://127.0.0.1:5000/", "[::1]:5000": "http://[::1]:5000/", "a.localhost": "http://a.localhost/",
		"10.0.0.1:5000": "https://10.0.0.1:5000/", "localhost.example": "https://localhost.example/", "127.0.0.1.example": "https://127.0.0.1.example/",
	} {
		if got, err := c.BaseURL(host); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", host, got, err, want)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, s := range []string{`{"config":{},"layers":[]}`, `{"manifests":[]}`, `{"manifests":[],"layers":[]}`, `{"mediaType":"x"}`, `[`} {
		f.Add([]byte(s), manifestType, "")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType, want string) {
		mediaType, _, err := registry.Inspect(body, contentType, want)
		if err != nil {
			if code, _ := registry.Classify(err); code != report.InvalidResponse {
				t.Errorf("code %s", code)
			}
			return
		}
		var m ocispec.Manifest
		var index ocispec.Index
		imageErr, indexErr := json.Unmarshal(body, &m), json.Unmarshal(body, &index)
		isIndex := mediaType == indexType || mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
		if isIndex && imageErr == nil && len(m.Layers) > 0 || !isIndex && indexErr == nil && len(index.Manifests) > 0 {
			t.Errorf("%q reads as an image and as an index", body)
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"sha256:ab","size":-1}]}`), "application/json")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		index, err := registry.ParseIndex(body, contentType)
		if err == nil && index.MediaType != "" && index.MediaType != indexType {
			t.Errorf("accepted as %q", index.MediaType)
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/app/referrers/sha256:ab?n=2>; rel="next"`)
	f.Add(`<//evil.example/?n=2>; rel=next, <?x>; rel=next`)
	asked := &url.URL{Scheme: "https", Host: "registry.example", Path: "/v2/app/referrers/sha256:ab"}
	f.Fuzz(func(t *testing.T, link string) {
		next, err := registry.NextPage([]string{link}, asked)
		if err == nil && next == "" && strings.Contains(link, "evil.example") {
			return
		}
		u := *asked
		u.RawQuery = next
		if again, parseErr := url.Parse(u.String()); err == nil && parseErr == nil && (again.Host != asked.Host || again.Path != asked.Path) {
			t.Errorf("%q leads to %s", link, again)
		}
	})
}
