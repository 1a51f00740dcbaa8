// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPKCS12OfEveryKindGivesTheChain(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/pkcs12/chain.pem")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/pkcs12/*.p12")
	if err != nil || len(files) < 11 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseChain("application/x-pkcs12", base64.StdEncoding.EncodeToString(raw))
		if filepath.Base(file) == "password.p12" {
			if err == nil || !strings.Contains(err.Error(), "application/x-pem-file") {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// A count of iterations is a declared size.
func TestIterationsAreBounded(t *testing.T) {
	t.Parallel()
	salted, err := asn1.Marshal(struct {
		Salt       []byte
		Iterations int
	}{[]byte("salt"), maxIterations + 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fromPKCS12(salted); !errors.Is(err, errIterations) {
		t.Errorf("got %v", err)
	}
	inner, err := asn1.Marshal(salted)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkIterations(inner, 0); !errors.Is(err, errIterations) {
		t.Errorf("nested: %v", err)
	}
}

func FuzzParseChain(f *testing.F) {
	files, err := filepath.Glob("testdata/pkcs12/*.p12")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseChain(typePKCS12, base64.StdEncoding.EncodeToString(raw))
		if err == nil && (!strings.HasPrefix(string(got), "-----BEGIN CERTIFICATE-----") || strings.Contains(string(got), "PRIVATE")) {
			t.Errorf("got %q", got)
		}
	})
}
