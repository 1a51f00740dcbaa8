// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestTimestampKeepsExpiredCertificateGood(t *testing.T) {
	t.Parallel()
	lastWeek := time.Now().AddDate(0, 0, -7)
	for _, kind := range []signtest.KeyKind{signtest.ECP256, signtest.RSA2048} {
		for _, format := range signtest.Formats() {
			t.Run(string(kind)+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				tsa := signtest.StartTSA(t, signtest.TSAOptions{Key: kind, Now: func() time.Time { return lastWeek }})
				ca := newCA(t, signtest.CAOptions{})
				expired := newLeaf(t, ca, signtest.LeafOptions{NotAfter: time.Now().AddDate(0, 0, -1)})
				env := sign(t, expired, subject("app"), signtest.SignOptions{Format: format, SigningTime: lastWeek, TSA: tsa})

				accepting := trust{ca: []*x509.Certificate{ca.Cert}, tsa: []*x509.Certificate{tsa.CA.Cert}}
				if failed, _, err := accepting.verify(t, subject("app"), env); err != nil {
					t.Errorf("%s failed: %v", failed, err)
				}
				if got := tsa.Requests(); got != 1 {
					t.Errorf("queries at the TSA: got %d, want 1", got)
				}
				bare := tamper(t, signtest.WithoutTimestamp, env)
				if failed, _, err := accepting.verify(t, subject("app"), bare); failed != trustpolicy.TypeAuthenticTimestamp {
					t.Errorf("without timestamp: failed %q (%v), want authenticTimestamp", failed, err)
				}
			})
		}
	}
}

func TestTimestampIsRejected(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	signer := newLeaf(t, ca, signtest.LeafOptions{})
	root := []*x509.Certificate{ca.Cert}
	now := signtest.StartTSA(t, signtest.TSAOptions{})
	longAgo := signtest.StartTSA(t, signtest.TSAOptions{Now: func() time.Time { return time.Now().AddDate(-5, 0, 0) }})

	for _, format := range signtest.Formats() {
		timestamped := func(content string, tsa *signtest.TSA) signtest.Envelope {
			return sign(t, signer, subject(content), signtest.SignOptions{Format: format, TSA: tsa})
		}
		foreign, err := signtest.Timestamp(timestamped("other", now))
		if err != nil {
			t.Fatal(err)
		}
		copied, err := signtest.WithTimestamp(timestamped("app", now), foreign)
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			env signtest.Envelope
			tsa *signtest.TSA
		}{
			"strange TSA":                  {timestamped("app", now), longAgo},
			"before the certificate":       {timestamped("app", longAgo), longAgo},
			"copied from another envelope": {copied, now},
		} {
			accepting := trust{ca: root, tsa: []*x509.Certificate{tt.tsa.CA.Cert}, timestamp: trustpolicy.OptionAlways}
			if failed, _, err := accepting.verify(t, subject("app"), tt.env); failed != trustpolicy.TypeAuthenticTimestamp {
				t.Errorf("%s, %s: failed %q (%v), want authenticTimestamp", name, format, failed, err)
			}
		}
	}
}

func TestCountersign(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	signer := newLeaf(t, ca, signtest.LeafOptions{})
	tests := []struct {
		name string
		tsa  signtest.TSAOptions
		want trustpolicy.ValidationType
	}{
		{name: "good"},
		{name: "timestamp before the TSA's certificate", tsa: signtest.TSAOptions{NotBefore: time.Now().Add(time.Hour)}, want: trustpolicy.TypeAuthenticTimestamp},
		{name: "certificate of the TSA is not for timestamps", tsa: signtest.TSAOptions{CodeSigning: true}, want: trustpolicy.TypeAuthenticTimestamp},
	}
	for _, tt := range tests {
		for _, format := range signtest.Formats() {
			t.Run(tt.name+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				tsa := signtest.StartTSA(t, tt.tsa)
				env, err := tsa.Countersign(t.Context(), sign(t, signer, subject("app"), signtest.SignOptions{Format: format}))
				if err != nil {
					t.Fatal(err)
				}
				accepting := trust{ca: []*x509.Certificate{ca.Cert}, tsa: []*x509.Certificate{tsa.CA.Cert}, timestamp: trustpolicy.OptionAlways}
				failed, _, err := accepting.verify(t, subject("app"), env)
				if failed != tt.want || (err != nil) != (tt.want != "") {
					t.Errorf("failed validation: got %q (%v), want %q", failed, err, tt.want)
				}
			})
		}
	}
}

func TestTSARefusesMalformedQueries(t *testing.T) {
	t.Parallel()
	tsa := signtest.StartTSA(t, signtest.TSAOptions{})
	for name, query := range map[string]string{
		"no query":  "",
		"no ASN.1":  "malformed",
		"too large": strings.Repeat("x", 1<<20),
	} {
		resp, err := http.Post(tsa.URL, "application/timestamp-query", strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", name, resp.StatusCode)
		}
	}
}
