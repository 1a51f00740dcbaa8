// SPDX-License-Identifier: Apache-2.0

package yardstick_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/bench/yardstick"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// scene is a registry of a kind, two authorities and a provider that trusts one.
type scene struct {
	*registrytest.Registry

	trusted, stranger *signtest.Signer
	provider          *yardstick.Provider
	later             atomic.Int64 // what the clock is ahead
}

const ttl = time.Minute

func newScene(t *testing.T, o registrytest.Options) *scene {
	t.Helper()
	s := &scene{Registry: registrytest.Start(t, o)}
	var roots []*x509.Certificate
	for _, to := range []**signtest.Signer{&s.trusted, &s.stranger} {
		ca, err := signtest.NewCA(signtest.CAOptions{})
		check(t, err)
		*to, err = ca.Leaf(signtest.LeafOptions{})
		check(t, err)
		roots = append(roots, ca.Cert)
	}
	provider, err := yardstick.New(yardstick.Options{Roots: roots[:1], TTL: ttl, Timeout: 5 * time.Second, Now: s.now})
	check(t, err)
	s.provider = provider
	return s
}

func (s *scene) now() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// push pushes app:tag with a signature of each signer and answers its descriptor.
func (s *scene) push(t *testing.T, tag string, signers ...*signtest.Signer) ocispec.Descriptor {
	t.Helper()
	image, err := s.PushImage(t.Context(), "app", tag)
	check(t, err)
	for _, signer := range signers {
		_, err := signer.SignAndAttach(t.Context(), s.Registry, "app", image, signtest.SignOptions{})
		check(t, err)
	}
	return image
}

// asked is a ProviderResponse as far as tests read it: key → isSuccess.
type asked struct {
	Decided     map[string]bool
	SystemError string
}

func (s *scene) ask(t *testing.T, ctx context.Context, keys ...string) asked { //nolint:revive // t comes first
	t.Helper()
	body, err := json.Marshal(map[string]any{"request": map[string]any{"keys": keys}})
	check(t, err)
	recorder := httptest.NewRecorder()
	s.provider.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(body)))
	var answer struct {
		Response struct {
			Items []struct {
				Key   string
				Value struct{ IsSuccess bool }
			}
			SystemError string
		}
	}
	check(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	got := asked{Decided: map[string]bool{}, SystemError: answer.Response.SystemError}
	for _, item := range answer.Response.Items {
		got.Decided[item.Key] = item.Value.IsSuccess
	}
	return got
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]registrytest.Options{
		"anonymous":        {},
		"cloud":            {Token: &registrytest.Token{}, RedirectBlobs: true},
		"no referrers API": {NoReferrersAPI: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, options)
			good := s.Reference("app", s.push(t, "good", s.trusted).Digest)
			s.push(t, "mixed", s.stranger, s.trusted)
			s.push(t, "bad", s.stranger)
			s.push(t, "unsigned")
			tag := s.Host() + "/app:"
			want := asked{Decided: map[string]bool{
				good: true, tag + "good": true, tag + "mixed": true, tag + "bad": false, tag + "unsigned": false, "nonsense": false,
			}}
			for range 2 { // asked, and from memory
				got := s.ask(t, t.Context(), good, tag+"good", tag+"mixed", tag+"bad", tag+"unsigned", "nonsense")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// What it is for: as few requests as the protocol allows.
func TestRequests(t *testing.T) {
	t.Parallel()
	cloud := registrytest.Options{Token: &registrytest.Token{Lifetime: time.Hour}, RedirectBlobs: true}
	for _, tt := range []struct {
		name    string
		options registrytest.Options
		want    []int // requests: v1, v1 again, v1 after the TTL, v2
	}{
		{name: "anonymous", want: []int{4, 0, 2, 4}},
		{name: "cloud", options: cloud, want: []int{7, 0, 3, 5}},
		{name: "no referrers API", options: registrytest.Options{NoReferrersAPI: true}, want: []int{5, 0, 2, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, tt.options)
			s.push(t, "v1", s.trusted)
			s.push(t, "v2", s.trusted)
			var got []int
			for i, tag := range []string{"v1", "v1", "v1", "v2"} {
				if i == 2 {
					s.later.Add(int64(ttl))
				}
				s.ResetRequests()
				key := s.Host() + "/app:" + tag
				if diff := cmp.Diff(asked{Decided: map[string]bool{key: true}}, s.ask(t, t.Context(), key)); diff != "" {
					t.Error(diff)
				}
				got = append(got, len(s.Requests()))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTamperedSignatureIsRejected(t *testing.T) {
	t.Parallel()
	s := newScene(t, registrytest.Options{})
	image := s.push(t, "v1")
	envelope, err := s.trusted.Sign(t.Context(), image, signtest.SignOptions{})
	check(t, err)
	envelope, err = signtest.FlipSignature(envelope)
	check(t, err)
	_, err = signtest.Attach(t.Context(), s.Registry, "app", image, envelope)
	check(t, err)
	key := s.Reference("app", image.Digest)
	if diff := cmp.Diff(asked{Decided: map[string]bool{key: false}}, s.ask(t, t.Context(), key)); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsAreRetriedAndHangsNamed(t *testing.T) {
	t.Parallel()
	s := newScene(t, registrytest.Options{})
	key, hung := s.Reference("app", s.push(t, "v1", s.trusted).Digest), s.Reference("app", s.push(t, "v2", s.trusted).Digest)
	s.Inject(registrytest.Fault{Times: 2, Kind: registrytest.KindBlob, Action: registrytest.Status(http.StatusServiceUnavailable, http.Header{"Retry-After": {"0"}})})
	_, digest, _ := strings.Cut(hung, "@")
	s.Inject(registrytest.Fault{Reference: digest, Kind: registrytest.KindReferrers, Action: registrytest.Hang()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	got := s.ask(t, ctx, key, hung)
	if diff := cmp.Diff(map[string]bool{key: true}, got.Decided); diff != "" || !strings.HasPrefix(got.SystemError, hung) {
		t.Error(diff, got.SystemError)
	}
}
