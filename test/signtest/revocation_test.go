// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/crl"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"
	"golang.org/x/crypto/ocsp"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestRevocation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		mode    signtest.RevocationMode
		revoke  bool
		timeout time.Duration
		want    result.Result
	}{
		{name: "good", want: result.ResultOK},
		{name: "revoked", revoke: true, want: result.ResultRevoked},
		{name: "unknown", mode: signtest.RevocationUnknown, want: result.ResultUnknown},
		{name: "down", mode: signtest.RevocationDown, want: result.ResultUnknown},
		{name: "slow", mode: signtest.RevocationSlow, timeout: time.Second, want: result.ResultUnknown},
		{name: "oversized", mode: signtest.RevocationOversized, want: result.ResultUnknown},
		{name: "stale", mode: signtest.RevocationStale, want: result.ResultUnknown},
		{name: "forged", mode: signtest.RevocationForged, revoke: true, want: result.ResultUnknown},
	}
	for _, method := range []string{"OCSP", "CRL"} {
		for _, tt := range tests {
			t.Run(method+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				ca := newCA(t, signtest.CAOptions{Intermediates: 1})
				rev := signtest.StartRevocation(t, ca)
				if method == "OCSP" {
					ca.OCSP = rev.OCSP
				} else {
					ca.CRL = rev.CRL
				}
				signer := newLeaf(t, ca, signtest.LeafOptions{})
				rev.SetMode(tt.mode)
				if tt.revoke {
					rev.Revoke(signer.Cert().SerialNumber, time.Now().Add(-time.Hour))
				}

				if got := revocationOf(t, signer.Chain, tt.timeout); got != tt.want {
					t.Errorf("result: got %v, want %v", got, tt.want)
				}
				ocspRequests, crlRequests := rev.Requests()
				if (ocspRequests > 0) != (method == "OCSP") || (crlRequests > 0) != (method == "CRL") {
					t.Errorf("requests: got %d OCSP and %d CRL, want only %s", ocspRequests, crlRequests, method)
				}
			})
		}
	}
}

func TestUnreachableOCSPFallsBackToCRL(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{Key: signtest.RSA2048})
	down, list := signtest.StartRevocation(t, ca), signtest.StartRevocation(t, ca)
	down.SetMode(signtest.RevocationDown)
	ca.OCSP, ca.CRL = down.OCSP, list.CRL
	signer := newLeaf(t, ca, signtest.LeafOptions{})
	list.Revoke(signer.Cert().SerialNumber, time.Now().Add(-time.Hour))

	if got := revocationOf(t, signer.Chain, 0); got != result.ResultRevoked {
		t.Errorf("result: got %v, want revoked", got)
	}
}

func TestOCSPByPost(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	rev := signtest.StartRevocation(t, ca)
	signer := newLeaf(t, ca, signtest.LeafOptions{})
	revoked := time.Now().Add(-time.Hour).UTC().Truncate(time.Minute) // OCSP knows no seconds
	rev.Revoke(signer.Cert().SerialNumber, revoked)
	query, err := ocsp.CreateRequest(signer.Cert(), ca.Cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{string(query): http.StatusOK, "malformed": http.StatusBadRequest} {
		resp, err := http.Post(rev.OCSP, "application/ocsp-request", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want {
			t.Fatalf("status %d (%v), want %d", resp.StatusCode, err, want)
		}
		if want != http.StatusOK {
			continue
		}
		parsed, err := ocsp.ParseResponseForCert(answer, signer.Cert(), ca.Cert)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Status != ocsp.Revoked || !parsed.RevokedAt.Equal(revoked) {
			t.Errorf("got status %d at %s, want revoked at %s", parsed.Status, parsed.RevokedAt, revoked)
		}
	}
}

// revocationOf asks notation-core-go about the first certificate of chain. Timeout zero
// means long.
func revocationOf(t *testing.T, chain []*x509.Certificate, timeout time.Duration) result.Result {
	t.Helper()
	if timeout == 0 {
		timeout = time.Minute
	}
	client := &http.Client{Timeout: timeout}
	fetcher, err := crl.NewHTTPFetcher(client)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := revocation.NewWithOptions(revocation.Options{
		OCSPHTTPClient:   client,
		CRLFetcher:       fetcher,
		CertChainPurpose: purpose.CodeSigning,
	})
	if err != nil {
		t.Fatal(err)
	}
	results, err := validator.ValidateContext(t.Context(), revocation.ValidateContextOptions{CertChain: chain})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Result
}
