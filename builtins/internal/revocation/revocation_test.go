// SPDX-License-Identifier: Apache-2.0

package revocation_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	core "github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/result"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// issuer is a CA with a responder that its leaves name.
func issuer(t *testing.T, mean string) (*signtest.CA, *signtest.Revocation) {
	t.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	responder := signtest.StartRevocation(t, ca)
	switch mean {
	case "ocsp":
		ca.OCSP = responder.OCSP
	case "crl":
		ca.CRL = responder.CRL
	}
	return ca, responder
}

func leaf(t *testing.T, ca *signtest.CA) core.ValidateContextOptions {
	t.Helper()
	s, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return core.ValidateContextOptions{CertChain: s.Chain}
}

func ask(t *testing.T, v revocation.Validators, chain core.ValidateContextOptions) (result.Result, *revocation.Answer) {
	t.Helper()
	ctx, answers := revocation.WithAnswers(t.Context())
	results, err := v.CodeSigning.ValidateContext(ctx, chain)
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Result, answers.Of(v.CodeSigning)
}

// TestCRL_cache: leaves of one CA share its list, as far as memory goes.
func TestCRL_cache(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options revocation.Options
		mode    signtest.RevocationMode
		want    result.Result
		asked   int
	}{
		{name: "shared", want: result.ResultOK, asked: 1},
		{name: "too small to keep it", options: revocation.Options{CacheBytes: 100}, want: result.ResultOK, asked: 2},
		{name: "list over its limit", options: revocation.Options{MaxCRLBytes: 100}, want: result.ResultUnknown, asked: 2},
		{name: "forged list is not kept", mode: signtest.RevocationForged, want: result.ResultUnknown, asked: 2},
		{name: "stale list is not kept", mode: signtest.RevocationStale, want: result.ResultUnknown, asked: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ca, responder := issuer(t, "crl")
			responder.SetMode(tt.mode)
			tt.options.Client = http.DefaultClient
			v := revocation.New(tt.options)
			first, _ := ask(t, v, leaf(t, ca))
			second, _ := ask(t, v, leaf(t, ca))
			if first != tt.want || second != tt.want {
				t.Errorf("results = %v, %v; want %v", first, second, tt.want)
			}
			if _, crl := responder.Requests(); crl != tt.asked {
				t.Errorf("requests = %d, want %d", crl, tt.asked)
			}
		})
	}
}

// TestCRL_keptForItsIssuer: a list that one CA signed says nothing about the
// certificates of another that name the same address, nor does it stay in the way.
func TestCRL_keptForItsIssuer(t *testing.T) {
	t.Parallel()
	ours, responder := issuer(t, "crl")
	theirs, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	theirs.CRL = responder.CRL
	v := revocation.New(revocation.Options{Client: http.DefaultClient})
	for range 2 {
		if got, _ := ask(t, v, leaf(t, theirs)); got != result.ResultUnknown {
			t.Errorf("certificate of another CA: %v, want unknown", got)
		}
		if got, _ := ask(t, v, leaf(t, ours)); got != result.ResultOK {
			t.Errorf("certificate of the list's CA: %v, want OK", got)
		}
	}
}

func TestAnswer_until(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tests := []struct {
		name string
		mean string
		mode signtest.RevocationMode
		max  time.Duration
		want time.Duration // from now; zero: it does not age
	}{
		{name: "nothing to ask", mean: "none"},
		{name: "OCSP's next update", mean: "ocsp", max: 24 * time.Hour, want: time.Hour},
		{name: "CRL's next update", mean: "crl", max: 24 * time.Hour, want: time.Hour},
		{name: "our cap", mean: "ocsp", max: time.Minute, want: time.Minute},
		{name: "unknown", mean: "ocsp", mode: signtest.RevocationUnknown, max: time.Hour, want: revocation.UnknownMaxAge},
		{name: "down", mean: "crl", mode: signtest.RevocationDown, max: time.Hour, want: revocation.UnknownMaxAge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ca, responder := issuer(t, tt.mean)
			responder.SetMode(tt.mode)
			v := revocation.New(revocation.Options{Client: http.DefaultClient, MaxAge: tt.max, Now: func() time.Time { return now }})
			_, answer := ask(t, v, leaf(t, ca))
			if answer.Until.IsZero() != (tt.want == 0) {
				t.Fatalf("until = %v, want %v from now", answer.Until, tt.want)
			}
			// The responder's clock is the machine's and has whole seconds.
			if off := answer.Until.Sub(now.Add(tt.want)).Abs(); tt.want != 0 && off > 30*time.Second {
				t.Errorf("until = %v, want %v from now", answer.Until.Sub(now), tt.want)
			}
		})
	}
}

// panicky panics on every request.
type panicky struct{}

func (panicky) RoundTrip(*http.Request) (*http.Response, error) { panic("transport") }

// TestValidator_panic: a panic below is an error for everybody who waits.
func TestValidator_panic(t *testing.T) {
	t.Parallel()
	for _, mean := range []string{"ocsp", "crl"} {
		t.Run(mean, func(t *testing.T) {
			t.Parallel()
			ca, _ := issuer(t, mean)
			v := revocation.New(revocation.Options{Client: &http.Client{Transport: panicky{}}})
			results, err := v.CodeSigning.ValidateContext(t.Context(), leaf(t, ca))
			ok := errors.Is(err, evidence.ErrPanic)
			for _, one := range results {
				ok = ok || one.Result == result.ResultUnknown
			}
			if !ok {
				t.Errorf("results %v, error %v; want an error or unknown", results, err)
			}
		})
	}
}

func TestValidator_errors(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ca, _ := issuer(t, "ocsp")
	v := revocation.New(revocation.Options{Client: http.DefaultClient})
	if _, err := v.CodeSigning.ValidateContext(gone, leaf(t, ca)); !errors.Is(err, context.Canceled) {
		t.Errorf("caller gone: %v, want %v", err, context.Canceled)
	}
	// A chain for code is no chain for timestamps.
	var invalid result.InvalidChainError
	if _, err := v.Timestamping.ValidateContext(t.Context(), leaf(t, ca)); !errors.As(err, &invalid) {
		t.Errorf("wrong purpose: %v, want %T", err, invalid)
	}
	if _, err := v.CodeSigning.ValidateContext(t.Context(), core.ValidateContextOptions{}); !errors.As(err, &invalid) {
		t.Errorf("no chain: %v, want %T", err, invalid)
	}
}
