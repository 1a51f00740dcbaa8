// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

func TestParse_material(t *testing.T) {
	t.Parallel()
	const at = `notation.trust_stores["ca:acme"]`
	ca := newCA(t)
	leaf := newLeaf(t, ca)
	root := string(ca.PEM())
	keyPEM, err := leaf.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	tests := []struct {
		name     string
		material any
		want     []problem
	}{
		{name: "one certificate", material: []any{root}},
		{name: "several in one string", material: []any{root + "\n\n" + string(leaf.PEM())}},
		{name: "several strings", material: []any{root, string(leaf.PEM())}},
		{name: "Windows line ends", material: []any{strings.ReplaceAll(root, "\n", "\r\n")}},
		{name: "empty list", material: []any{}, want: []problem{{at, "empty"}}},
		{name: "not a list", material: root, want: []problem{{at, "write a list"}}},
		{name: "a number", material: []any{1}, want: []problem{{at + "[0]", "a number, not trust material"}}},
		{name: "empty string", material: []any{""}, want: []problem{{at + "[0]", "it is empty"}}},
		{name: "private key", material: []any{string(keyPEM)}, want: []problem{{at + "[0]", "PRIVATE KEY block; remove it"}}},
		{name: "private key after a certificate", material: []any{root + string(keyPEM)}, want: []problem{{at + "[0]", "PEM block 2 is a PRIVATE KEY block"}}},
		{name: "EC private key", material: []any{block("EC PRIVATE KEY", nil)}, want: []problem{{at + "[0]", "EC PRIVATE KEY block"}}},
		{name: "public key", material: []any{block("PUBLIC KEY", nil)}, want: []problem{{at + "[0]", `"PUBLIC KEY" block`}}},
		{name: "request", material: []any{block("CERTIFICATE REQUEST", nil)}, want: []problem{{at + "[0]", `"CERTIFICATE REQUEST" block`}}},
		{name: "text before", material: []any{"subject=CN = acme\n" + root}, want: []problem{{at + "[0]", "text before"}}},
		{name: "text after", material: []any{root + "the end"}, want: []problem{{at + "[0]", "trailing text after PEM block 1"}}},
		{name: "text between", material: []any{root + "x\n" + root}, want: []problem{{at + "[0]", "trailing text after PEM block 1"}}},
		{name: "cut", material: []any{root[:len(root)-30]}, want: []problem{{at + "[0]", "PEM block 1 is damaged"}}},
		{name: "cut before a good one", material: []any{root[:100] + "\n" + root}, want: []problem{{at + "[0]", "PEM block 1 is damaged"}}},
		{name: "not a certificate inside", material: []any{block("CERTIFICATE", []byte("x"))}, want: []problem{{at + "[0]", "not an X.509 certificate"}}},
		{name: "escaped line ends", material: []any{strings.ReplaceAll(root, "\n", `\n`)}, want: []problem{{at + "[0]", "unescape"}}},
		{name: "base64 of DER", material: []any{base64.StdEncoding.EncodeToString(ca.Cert.Raw)}, want: []problem{{at + "[0]", "not PEM"}}},
		{name: "a path", material: []any{"/etc/ca.pem"}, want: []problem{{at + "[0]", `{"file": path}`}}},
		{name: "an object of nothing", material: []any{tree{}}, want: []problem{{at + "[0]", "names no material"}}},
		{name: "an object with another key", material: []any{tree{"path": "/etc/ca.pem"}}, want: []problem{{at + "[0].path", "unknown"}}},
		{name: "file that is not there", material: []any{tree{"file": "/nonexistent/ca.pem"}}, want: []problem{{at + "[0].file", "no such file"}}},
		{name: "file and provider", material: []any{tree{"file": "/x", "provider": "vault"}}, want: []problem{{at + "[0].provider", "unknown"}}},
		{name: "provider", material: []any{tree{"provider": "vault", "name": "ca"}}, want: []problem{{at + "[0].provider", "configured in plugins.ratify.key_providers: none"}}},
		{name: "two bad ones", material: []any{"x", root, "y"}, want: []problem{{at + "[0]", "not PEM"}, {at + "[2]", "not PEM"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := trust.Parse(text(t, withMaterial(tt.material)), trust.Options{})
			checkProblems(t, err, tt.want...)
			if err != nil && strings.Contains(err.Error(), "MII") {
				t.Errorf("the error has content of the material: %v", err)
			}
		})
	}
}

func TestParse_files(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	leaf := newLeaf(t, ca)
	keyPEM, err := leaf.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode(keyPEM)
	tests := []struct {
		name    string
		content []byte
		want    int
		says    string
	}{
		{name: "PEM", content: leaf.PEM(), want: 2},
		{name: "DER", content: ca.Cert.Raw, want: 1},
		{name: "DER private key", content: key.Bytes, says: "PRIVATE KEY; remove it"},
		{name: "text", content: []byte("hello"), says: "neither PEM nor a DER"},
		{name: "empty", says: "neither PEM nor a DER"},
		{name: "too large", content: make([]byte, 1<<20+1), says: "too large: more than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(path, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := trust.Parse(text(t, withMaterial([]any{tree{"file": path}})), trust.Options{})
			got := 0
			if d != nil {
				got = len(d.Notation().Store("ca:acme").Certificates)
			}
			if said := errText(err); got != tt.want || !strings.Contains(said, tt.says) || (said == "") != (tt.says == "") {
				t.Errorf("%d certificates, error %q; want %d, %q", got, said, tt.want, tt.says)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestStale(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(path string) error
		want   bool
	}{
		{name: "untouched", change: func(string) error { return nil }},
		{name: "written", change: func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }, want: true},
		{name: "removed", change: os.Remove, want: true},
		{name: "replaced by its like", change: func(path string) error {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(path, newCA(t).PEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			now := time.Unix(0, 0)
			d, err := trust.Parse(text(t, withMaterial([]any{tree{"file": path}})), trust.Options{Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			now = now.Add(999 * time.Millisecond)
			early := d.Stale()
			now = now.Add(time.Millisecond)
			if diff := cmp.Diff([]bool{false, tt.want, tt.want}, []bool{early, d.Stale(), d.Stale()}); diff != "" {
				t.Errorf("stale within the second, after it, and again (-want +got):\n%s", diff)
			}
		})
	}
}
