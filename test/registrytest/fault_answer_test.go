// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// answer is what a client gets for a manifest under a fault.
type answer struct {
	Status      int
	ContentType string
	Digest      string
	Length      int64 // declared; -1 for none
	Body        string
	Cut         bool // the body ended too early
}

func TestAnswersUnderFaults(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	_, manifest, err := reg.Manifest(t.Context(), "app", image.Digest)
	if err != nil {
		t.Fatal(err)
	}
	good := answer{200, ocispec.MediaTypeImageManifest, image.Digest.String(), image.Size, string(manifest), false}
	other := digest.FromString("other")
	padding := []byte(`{"schemaVersion":2,"padding":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`)
	with := func(change func(*answer)) answer {
		a := good
		change(&a)
		return a
	}
	tests := []struct {
		name   string
		action registrytest.Action
		want   answer
	}{
		{"FlipByte", registrytest.FlipByte(3), with(func(a *answer) { a.Body = flipped(a.Body, 3) })},
		{"FlipByte past the end", registrytest.FlipByte(len(manifest) + 1), with(func(a *answer) { a.Body = flipped(a.Body, 1) })},
		{"Truncate", registrytest.Truncate(9), with(func(a *answer) { a.Body, a.Length = a.Body[:9], 9 })},
		{"Disconnect", registrytest.Disconnect(9), with(func(a *answer) { a.Body, a.Cut = a.Body[:9], true })},
		{"Replace", registrytest.Replace([]byte("{}")), with(func(a *answer) { a.Body, a.Length = "{}", 2 })},
		{"WrongDigestHeader", registrytest.WrongDigestHeader(other), with(func(a *answer) { a.Digest = other.String() })},
		{"WrongDigestHeader empty", registrytest.WrongDigestHeader(""), with(func(a *answer) { a.Digest = "" })},
		{"WrongContentType", registrytest.WrongContentType("text/html"), with(func(a *answer) { a.ContentType = "text/html" })},
		{"WrongContentType empty", registrytest.WrongContentType(""), with(func(a *answer) { a.ContentType = "" })},
		{"SlowDrip", registrytest.SlowDrip(100, time.Millisecond), good},
		{"Oversize without length", registrytest.Oversize(40, -1), with(func(a *answer) { a.Body, a.Length = string(padding[:40]), -1 })},
		{"Oversize with length", registrytest.Oversize(40, 40), with(func(a *answer) { a.Body, a.Length = string(padding[:40]), 40 })},
		{"Oversize that claims more", registrytest.Oversize(40, 1<<40), with(func(a *answer) { a.Body, a.Length, a.Cut = string(padding[:40]), 1<<40, true })},
		{"Oversize that claims less", registrytest.Oversize(40, 30), with(func(a *answer) { a.Body, a.Length = string(padding[:30]), 30 })},
	}
	for _, tt := range tests {
		remove := reg.Inject(registrytest.Fault{Kind: registrytest.KindManifest, Action: tt.action})
		resp, err := try(t, "", reg.URL()+"/v2/app/manifests/"+image.Digest.String(), nil)
		remove()
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := answer{
			Status:      resp.Status,
			ContentType: resp.Header.Get("Content-Type"),
			Digest:      resp.Header.Get("Docker-Content-Digest"),
			Length:      resp.Length,
			Body:        string(resp.Body),
			Cut:         err != nil,
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	for code, want := range map[int]string{
		401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS", 500: "UNKNOWN",
	} {
		remove := reg.Inject(registrytest.Fault{Action: registrytest.Status(code, http.Header{"Retry-After": {"1"}})})
		resp := do(t, "", reg.URL()+"/v2/", nil)
		remove()
		if resp.Status != code || resp.Header.Get("Retry-After") != "1" || !bytes.Contains(resp.Body, []byte(want)) {
			t.Errorf("status %d: got %d, Retry-After %q, want 1 and %s in the body", code, resp.Status, resp.Header.Get("Retry-After"), want)
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	remove := reg.Inject(registrytest.Fault{Action: registrytest.Reset()})
	if _, err := try(t, "", reg.URL()+"/v2/", nil); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	if got := reg.Requests()[0].Status; got != 0 {
		t.Errorf("recorded status: got %d, want 0", got)
	}
	remove()
	do(t, "", reg.URL()+"/v2/", nil)
}

func TestRedirectAndChallenges(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "u", Password: "p"}})
	const elsewhere = "http://169.254.169.254/token"
	withToken := http.Header{"Authorization": {"Bearer x"}}
	tests := []struct {
		name   string
		action registrytest.Action
		header http.Header
		status int
		field  string
		want   string
	}{
		{"Realm", registrytest.Realm(elsewhere), nil, 401, "WWW-Authenticate", `Bearer realm="` + elsewhere + `",service="registrytest",scope="repository:app:pull"`},
		{"Realm with token", registrytest.Realm(elsewhere), withToken, 401, "WWW-Authenticate", `Basic realm="registrytest"`},
		{"Challenge", registrytest.Challenge("Negotiate"), withToken, 401, "WWW-Authenticate", "Negotiate"},
		{"Redirect", registrytest.Redirect(elsewhere), http.Header{"Authorization": {"Basic dTpw"}}, 307, "Location", elsewhere},
	}
	for _, tt := range tests {
		remove := reg.Inject(registrytest.Fault{Action: tt.action})
		resp := do(t, "", reg.URL()+"/v2/app/manifests/v1", tt.header)
		remove()
		if got := resp.Header.Get(tt.field); resp.Status != tt.status || got != tt.want {
			t.Errorf("%s: got %d, %s %q, want %d, %q", tt.name, resp.Status, tt.field, got, tt.status, tt.want)
		}
	}
}

func TestAlternate(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	a, b := pushImage(t, reg, "app", "v1"), pushImage(t, reg, "app", "v2")
	reg.Inject(registrytest.Fault{Reference: "v1", Action: registrytest.Alternate(a.Digest, b.Digest)})
	for _, want := range []ocispec.Descriptor{a, b, a} {
		got, err := client(t, reg, "app").Resolve(t.Context(), "v1")
		if err != nil || got.Digest != want.Digest {
			t.Errorf("resolved %s, %v, want %s", got.Digest, err, want.Digest)
		}
	}
	if got, err := client(t, reg, "app").Resolve(t.Context(), b.Digest.String()); err != nil || got.Digest != b.Digest {
		t.Errorf("by digest: resolved %s, %v, want %s", got.Digest, err, b.Digest)
	}
}

func TestLieSizeOnHead(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	image := pushImage(t, reg, "app", "v1")
	reg.Inject(registrytest.Fault{Action: registrytest.LieSize(-5)})
	resp := do(t, http.MethodHead, reg.URL()+"/v2/app/manifests/v1", nil)
	if got, want := resp.Header.Get("Content-Length"), strconv.FormatInt(image.Size-5, 10); got != want {
		t.Errorf("Content-Length: got %s, want %s", got, want)
	}
}

func flipped(s string, n int) string {
	b := []byte(s)
	b[n] ^= 0xff
	return string(b)
}
