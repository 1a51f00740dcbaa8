// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// makeCertificate is the command `make-certificate [expired] SUBJECT NAME`: it writes what
// `notation cert generate-test` does, a key of 2048 bits to NAME.key and its self-signed
// certificate, good for a day, to NAME.crt; with expired, that day has passed.
func makeCertificate(ts *testscript.TestScript, neg bool, args []string) {
	from := time.Now().Add(-time.Hour)
	if len(args) == 3 && args[0] == "expired" {
		from, args = from.AddDate(0, 0, -2), args[1:]
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: make-certificate [expired] SUBJECT NAME")
	}
	subject, err := distinguishedName(args[0])
	ts.Check(err)
	signer, err := signtest.SelfSigned(signtest.LeafOptions{
		Subject: subject, Key: signtest.RSA2048, NotBefore: from, NotAfter: from.AddDate(0, 0, 1),
	})
	ts.Check(err)
	key, err := signer.KeyPEM()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".key"), key, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".crt"), signer.PEM(), 0o600))
}

// signCertified is the command `sign-certified jws|cose NAME REPOSITORY`: a
// certificate of make-certificate signs the image pushed last, in its last hour if it
// has expired.
func signCertified(ts *testscript.TestScript, neg bool, args []string) {
	formats := map[string]signtest.Format{"jws": signtest.JWS, "cose": signtest.COSE}
	r := scriptRegistry(ts)
	if neg || len(args) != 3 || formats[args[0]] == "" || strings.ContainsAny(args[2], ":@") || r.Registry == nil {
		ts.Fatalf("usage: sign-certified jws|cose NAME REPOSITORY, after registry and push")
	}
	key, err := privateKey(ts.ReadFile(args[1] + ".key"))
	ts.Check(err)
	block, _ := pem.Decode([]byte(ts.ReadFile(args[1] + ".crt")))
	if block == nil {
		ts.Fatalf("no certificate in %s.crt", args[1])
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	ts.Check(err)
	signer := &signtest.Signer{Chain: []*x509.Certificate{certificate}, Key: key}
	at := slices.MinFunc([]time.Time{time.Now(), certificate.NotAfter.Add(-time.Hour)}, time.Time.Compare)
	o := signtest.SignOptions{Format: formats[args[0]], SigningTime: at}
	_, err = signer.SignAndAttach(context.Background(), r.Registry, args[2], r.last, o)
	ts.Check(err)
}

// distinguishedName reads "C=US,O=Acme,CN=release"; no value has a comma.
func distinguishedName(text string) (pkix.Name, error) {
	var name pkix.Name
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "C":
			name.Country = []string{value}
		case "ST":
			name.Province = []string{value}
		case "L":
			name.Locality = []string{value}
		case "O":
			name.Organization = []string{value}
		case "OU":
			name.OrganizationalUnit = []string{value}
		case "CN":
			name.CommonName = value
		default:
			return name, fmt.Errorf("subject %q: %q is not C=, ST=, L=, O=, OU= or CN=", text, part)
		}
	}
	return name, nil
}
