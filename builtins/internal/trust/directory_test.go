// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// configuration writes a directory as the notation command line has it.
func configuration(t *testing.T, policy any, files map[string][]byte) string {
	t.Helper()
	directory := t.TempDir()
	if policy != nil {
		write(t, filepath.Join(directory, "trustpolicy.json"), text(t, policy))
	}
	for name, content := range files {
		write(t, filepath.Join(directory, "truststore", "x509", filepath.FromSlash(name)), content)
	}
	return directory
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFromNotation(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	leaf := newLeaf(t, ca)
	tests := []struct {
		name    string
		policy  any
		files   map[string][]byte
		want    int    // certificates of ca:acme
		missing string // why there are none
		says    string // part of the error
	}{
		{name: "PEM", policy: policyOf(statement(nil)), files: map[string][]byte{"ca/acme/ca.crt": ca.PEM()}, want: 1},
		{name: "DER", policy: policyOf(statement(nil)), files: map[string][]byte{"ca/acme/ca.crt": ca.Cert.Raw}, want: 1},
		{name: "two files", policy: policyOf(statement(nil)), files: map[string][]byte{"ca/acme/a.crt": ca.PEM(), "ca/acme/b.crt": newCA(t).PEM()}, want: 2},
		{name: "store is not there", policy: policyOf(statement(nil)), missing: "does not exist"},
		{name: "store has a leaf, which notation refuses", policy: policyOf(statement(nil)), files: map[string][]byte{"ca/acme/leaf.crt": leaf.PEM()}, missing: "failed to validate"},
		{name: "store is not a certificate", policy: policyOf(statement(nil)), files: map[string][]byte{"ca/acme/ca.crt": []byte("x")}, missing: "failed to read"},
		{name: "store outside the directory", policy: policyOf(statement(tree{"trustStores": []any{"ca:../../acme"}})), says: "not defined"},
		{name: "no policy", says: "no trust policy"},
		{name: "policy is not JSON", policy: "x", says: "not an object"},
		{name: "unknown key", policy: policyOf(statement(tree{"overide": tree{}})), files: map[string][]byte{"ca/acme/ca.crt": ca.PEM()}, says: "trustPolicies[0].overide"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := trust.FromNotation(configuration(t, tt.policy, tt.files), trust.Options{})
			if said := errText(err); !strings.Contains(said, tt.says) || (said == "") != (tt.says == "") {
				t.Fatalf("error = %q, want %q", said, tt.says)
			}
			if errors.Is(err, trust.ErrNoTrust) != (tt.policy == nil) {
				t.Errorf("is ErrNoTrust = %t", errors.Is(err, trust.ErrNoTrust))
			}
			if err != nil {
				return
			}
			store := d.Notation().Store("ca:acme")
			if len(store.Certificates) != tt.want || !strings.Contains(store.Missing, tt.missing) || (store.Missing == "") != (tt.missing == "") {
				t.Errorf("%d certificates, missing %q; want %d, %q", len(store.Certificates), store.Missing, tt.want, tt.missing)
			}
		})
	}
}

// TestFromNotation_defaultDirectory reads where the notation command line reads.
func TestFromNotation_defaultDirectory(t *testing.T) {
	ca := newCA(t)
	directory := configuration(t, policyOf(statement(nil)), map[string][]byte{"ca/acme/ca.crt": ca.PEM()})
	nested := t.TempDir()
	if err := os.Rename(directory, filepath.Join(nested, "notation")); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, notation, xdg string }{
		{name: "NOTATION_CONFIG", notation: filepath.Join(nested, "notation"), xdg: "/nonexistent"},
		{name: "user's configuration directory", xdg: nested},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NOTATION_CONFIG", tt.notation)
			t.Setenv("XDG_CONFIG_HOME", tt.xdg)
			d, err := trust.FromNotation("", trust.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ref, err := reference.Parse("localhost:5001/net-monitor:v1")
			if err != nil {
				t.Fatal(err)
			}
			if s := d.Notation().Statement(ref); s == nil || s.Name != "release" {
				t.Errorf("statement = %v", s)
			}
		})
	}
}

func TestFromNotation_isStale(t *testing.T) {
	t.Parallel()
	more := string(newCA(t).PEM())
	tests := []struct {
		name, file string
		want       bool
	}{
		{name: "policy", file: "trustpolicy.json", want: true},
		{name: "certificate", file: "truststore/x509/ca/acme/ca.crt", want: true},
		{name: "another certificate beside it", file: "truststore/x509/ca/acme/b.crt", want: true},
		{name: "a store no policy names", file: "truststore/x509/ca/other/ca.crt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			directory := configuration(t, policyOf(statement(nil)), map[string][]byte{"ca/acme/ca.crt": newCA(t).PEM()})
			now := time.Unix(0, 0)
			d, err := trust.FromNotation(directory, trust.Options{Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(directory, filepath.FromSlash(tt.file)), []byte(more+"\n"))
			now = now.Add(time.Second)
			if got := d.Stale(); got != tt.want {
				t.Errorf("stale = %t, want %t", got, tt.want)
			}
		})
	}
}
