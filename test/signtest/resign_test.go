// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"crypto/x509"
	"testing"

	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestResign(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	accepting := trust{ca: []*x509.Certificate{ca.Cert}}
	clientAuth := newLeaf(t, ca, signtest.LeafOptions{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	good := newLeaf(t, ca, signtest.LeafOptions{})
	tests := []struct {
		name   string
		change func(*signtest.Contents)
		want   trustpolicy.ValidationType
	}{
		{name: "nothing", change: func(*signtest.Contents) {}, want: ""},
		{name: "other payload", change: func(c *signtest.Contents) { c.Payload = []byte("{}") }, want: ""},
		{name: "no content type", change: func(c *signtest.Contents) { delete(c.Protected, "cty") }, want: trustpolicy.TypeIntegrity},
		{name: "no scheme", change: func(c *signtest.Contents) { delete(c.Protected, "io.cncf.notary.signingScheme") }, want: trustpolicy.TypeIntegrity},
		{name: "chain without root", change: func(c *signtest.Contents) { c.Chain = c.Chain[:1] }, want: trustpolicy.TypeIntegrity},
		{name: "certificate for client authentication", change: func(c *signtest.Contents) { c.Chain[0] = clientAuth.Cert().Raw }, want: trustpolicy.TypeIntegrity},
	}
	for _, tt := range tests {
		for _, format := range signtest.Formats() {
			t.Run(tt.name+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				env := sign(t, good, subject("app"), signtest.SignOptions{Format: format})
				resigned, err := good.Resign(env, tt.change)
				if err != nil {
					t.Fatal(err)
				}
				failed, _, err := accepting.verify(t, subject("app"), resigned)
				if failed != tt.want {
					t.Errorf("failed validation: got %q (%v), want %q", failed, err, tt.want)
				}
				if wantErr := tt.name != "nothing"; (err != nil) != wantErr {
					t.Errorf("error: got %v, want one: %t", err, wantErr)
				}
			})
		}
	}
}

func TestResignWithEveryKey(t *testing.T) {
	t.Parallel()
	ca := newCA(t, signtest.CAOptions{})
	accepting := trust{ca: []*x509.Certificate{ca.Cert}}
	for _, kind := range []signtest.KeyKind{signtest.ECP256, signtest.ECP384, signtest.ECP521, signtest.RSA2048, signtest.RSA3072} {
		signer := newLeaf(t, ca, signtest.LeafOptions{Key: kind})
		for _, format := range signtest.Formats() {
			env := sign(t, signer, subject("app"), signtest.SignOptions{Format: format})
			resigned, err := signer.Resign(env, func(*signtest.Contents) {})
			if err != nil {
				t.Fatal(err)
			}
			if failed, _, err := accepting.verify(t, subject("app"), resigned); err != nil {
				t.Errorf("%s, %s: %s failed: %v", kind, format, failed, err)
			}
		}
	}
}
