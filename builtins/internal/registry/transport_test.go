// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestPrivateCA(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true})
	stranger := newWorld(t, registrytest.Options{TLS: true})
	for _, tt := range []struct {
		name string
		ca   []byte
		code report.Code
	}{{"right", w.CA(), ""}, {"wrong", stranger.CA(), report.TLS}} {
		c := client(t, registry.Options{Registries: []registry.Registry{{Match: w.Host(), CA: tt.ca}}})
		err := resolveTag(t.Context(), c, w)
		code, retryable := registry.Classify(err)
		if err == nil {
			code = ""
		}
		if code != tt.code || retryable {
			t.Errorf("%s CA: got %s, %v: %v", tt.name, code, retryable, err)
		}
		if err != nil && !strings.HasSuffix(err.Error(), "; if it is the right one, name its CA in ca_file for the registry") {
			t.Errorf("%s CA: no remedy: %v", tt.name, err)
		}
	}
}

func TestClearTextWhereTLSIsExpected(t *testing.T) {
	t.Parallel()
	w, ca := newWorld(t, registrytest.Options{}), newWorld(t, registrytest.Options{TLS: true}).CA()
	err := resolveTag(t.Context(), client(t, registry.Options{Registries: []registry.Registry{{Match: w.Host(), CA: ca}}}), w)
	if code, retryable := registry.Classify(err); code != report.TLS || retryable || !strings.Contains(err.Error(), "plain_http") {
		t.Errorf("got %s, %v: %v", code, retryable, err)
	}
}

func TestTLSWhereClearTextIsExpected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true})
	err := resolveTag(t.Context(), client(t, registry.Options{}), w)
	if code, retryable := registry.Classify(err); code != report.InvalidResponse || retryable || !strings.HasSuffix(err.Error(), "400 Bad Request; asked by plain HTTP: if the registry speaks TLS, leave out plain_http, and on loopback set ca_file for it") {
		t.Errorf("got %s, %v: %v", code, retryable, err)
	}
	ours := newWorld(t, registrytest.Options{})
	ours.Inject(registrytest.Fault{Action: registrytest.Status(400, nil)})
	if err := fetchBlob(t.Context(), client(t, registry.Options{}), ours); err == nil || strings.Contains(err.Error(), "TLS") {
		t.Errorf("a registry's own refusal: %v", err)
	}
}

func TestProxyThatRefusesIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{TLS: true})
	for _, status := range []int{http.StatusNotFound, http.StatusProxyAuthRequired} {
		refusing := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }))
		t.Cleanup(refusing.Close)
		at, err := url.Parse(refusing.URL)
		if err != nil {
			t.Fatal(err)
		}
		at.User = url.UserPassword("robot", "s3cret")
		c := client(t, registry.Options{
			Proxy: http.ProxyURL(at), Retries: -1,
			Registries: []registry.Registry{{Match: w.Host(), CA: w.CA()}},
		})
		err = resolveTag(t.Context(), c, w)
		code, retryable := registry.Classify(err)
		want := fmt.Sprintf("proxy %s does not let it through: %d %s", at.Host, status, http.StatusText(status))
		if code != report.Unavailable || !retryable || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %s, %v: %v, want %s", code, retryable, err, want)
		}
	}
}

// What is sent in clear text because it stays on the machine has to stay there.
func TestImpliedPlainHTTPGoesThroughNoProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	proxy := http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	if err := resolveTag(t.Context(), client(t, registry.Options{Proxy: proxy}), w); err != nil {
		t.Error(err)
	}
	settings := []registry.Registry{{Match: w.Host(), PlainHTTP: true}}
	if err := resolveTag(t.Context(), client(t, registry.Options{Proxy: proxy, Registries: settings, Retries: -1}), w); err == nil {
		t.Error("plain HTTP that was asked for goes around the proxy")
	}
}

func TestRequestsToOneHostAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	w.Inject(registrytest.Fault{Action: registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-release
			next.ServeHTTP(rw, r)
		})
	})})
	c := client(t, registry.Options{Registries: []registry.Registry{{Match: w.Host(), MaxConcurrent: 1}}})
	first := make(chan error, 1)
	go func() { _, err := c.Resolve(t.Context(), w.byTag()); first <- err }()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := resolveTag(ctx, c, w)
	if code, _ := registry.Classify(err); code != report.Timeout || !errors.Is(err, context.DeadlineExceeded) || len(arrived) != 0 {
		t.Errorf("a second request: %v; %d arrived", err, len(arrived))
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := resolveTag(t.Context(), c, w); err != nil {
		t.Errorf("the place is not given back: %v", err)
	}
}

func TestDescriptorThatLiesAboutTheSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Skip: 2, Action: registrytest.Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(rw).Flush(); err != nil { // so that there is no Content-Length
				t.Error(err)
			}
			_, _ = rw.Write([]byte("envelope"))
		})
	})})
	for _, delta := range []int64{1, -1, 1, -1} {
		desc := w.envelope
		desc.Size += delta
		_, err := client(t, registry.Options{}).Blob(t.Context(), w.byDigest(), desc)
		if code, _ := registry.Classify(err); code != report.DigestMismatch {
			t.Errorf("%+d: got %s: %v", delta, code, err)
		}
	}
}

func TestResolveHashesWhatHeadDoesNotTell(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"no digest":    registrytest.WrongDigestHeader(""),
		"no type":      registrytest.WrongContentType(""),
		"generic type": registrytest.WrongContentType("application/json"),
	} {
		w := newWorld(t, registrytest.Options{})
		w.Inject(registrytest.Fault{Action: action})
		got, err := client(t, registry.Options{}).Resolve(t.Context(), w.byTag())
		if err != nil || got.Digest != w.image.Digest || got.MediaType != ocispec.MediaTypeImageManifest || got.Size != w.image.Size {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestResolveMeasuresWhatHeadDoesNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Method: http.MethodHead, Action: registrytest.Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", w.image.MediaType)
			rw.Header().Set("Docker-Content-Digest", w.image.Digest.String())
		})
	})})
	if got, err := client(t, registry.Options{}).Resolve(t.Context(), w.byTag()); err != nil || got.Size != w.image.Size {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestResolveWithoutHead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.Inject(registrytest.Fault{Method: http.MethodHead, Action: registrytest.Status(http.StatusMethodNotAllowed, nil)})
	if got, err := client(t, registry.Options{}).Resolve(t.Context(), w.byTag()); err != nil || got.Digest != w.image.Digest {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDescriptorsOnlyOfWhatIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	c := client(t, registry.Options{Limits: registry.Limits{BlobBytes: 10, ManifestBytes: 10}})
	for _, tt := range []struct {
		desc ocispec.Descriptor
		code report.Code
	}{
		{ocispec.Descriptor{Digest: digest.FromString("x"), Size: 11}, report.TooLarge},
		{ocispec.Descriptor{Digest: digest.FromString("x"), Size: -1}, report.InvalidResponse},
		{ocispec.Descriptor{Digest: "sha256:../../x", Size: 1}, report.InvalidResponse},
		{ocispec.Descriptor{}, report.InvalidResponse},
	} {
		_, blobErr := c.Blob(t.Context(), w.byDigest(), tt.desc)
		_, _, manifestErr := c.Manifest(t.Context(), w.byDigest(), tt.desc)
		for _, err := range []error{blobErr, manifestErr} {
			if code, _ := registry.Classify(err); code != tt.code {
				t.Errorf("%+v: got %s: %v", tt.desc, code, err)
			}
		}
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestDescriptorURLsAreIgnored(t *testing.T) {
	t.Parallel()
	w, thief := newWorld(t, registrytest.Options{}), newWorld(t, registrytest.Options{})
	desc := ocispec.Descriptor{Digest: digest.FromString("nowhere"), Size: 7, URLs: []string{thief.URL() + "/v2/app/blobs/x"}}
	_, err := client(t, registry.Options{}).Blob(t.Context(), w.byDigest(), desc)
	if code, _ := registry.Classify(err); code != report.NotFound || len(thief.Requests()) != 0 {
		t.Errorf("got %s: %v; %d requests elsewhere", code, err, len(thief.Requests()))
	}
}
