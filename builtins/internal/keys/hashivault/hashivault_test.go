// SPDX-License-Identifier: Apache-2.0

package hashivault_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/hashivault"
	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

const publicKey = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"

func newVault() *vaulttest.Vault {
	return &vaulttest.Vault{
		Token: "hvs.given", Roles: map[string]string{"ratify": "jwt-of-ratify"}, AppRoles: map[string]string{"role": "secret"},
		Keys: map[string]vaulttest.Key{"release": {Type: "ecdsa-p256", Versions: []string{publicKey, publicKey + "2"}}},
	}
}

func serve(t *testing.T, v http.Handler) string {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	return server.URL
}

func newSource(t *testing.T, address string, change func(*hashivault.Options)) *hashivault.Source {
	t.Helper()
	o := hashivault.Options{Client: &http.Client{}, Address: address, Keys: []string{"release"}, Auth: hashivault.Auth{TokenFile: file(t, "hvs.given\n")}}
	if change != nil {
		change(&o)
	}
	return hashivault.New(o)
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// outcome is a snapshot as lines.
func outcome(t *testing.T, s keys.Source) []string {
	t.Helper()
	snapshot, err := s.Fetch(t.Context())
	var lines []string
	for _, k := range snapshot.Keys {
		line := k.Name + "/" + k.Version + " " + strings.TrimPrefix(string(k.PEM), publicKey)
		if k.Latest {
			line += " latest"
		}
		if k.Err != nil {
			line += "! " + k.Err.Error()
		}
		lines = append(lines, line)
	}
	if err != nil {
		lines = append(lines, "error "+err.Error())
		if strings.Contains(err.Error(), "hvs.") || strings.Contains(err.Error(), "jwt-of") {
			t.Errorf("a token is in the error: %v", err)
		}
	}
	return lines
}

func want(t *testing.T, s keys.Source, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, outcome(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFetchReadsEveryVersion(t *testing.T) {
	t.Parallel()
	v := newVault()
	v.Namespace = "team"
	for _, auth := range []hashivault.Auth{
		{TokenFile: file(t, "hvs.given\n")},
		{TokenEnv: "VAULT_TOKEN"},
		{KubernetesRole: "ratify", KubernetesTokenFile: file(t, "jwt-of-ratify\n")},
		{RoleIDFile: file(t, "role"), SecretIDFile: file(t, "secret\n")},
	} {
		want(t, newSource(t, serve(t, v), func(o *hashivault.Options) {
			o.Namespace, o.Auth = "team", auth
			o.Env = func(name string) string { return map[string]string{"VAULT_TOKEN": " hvs.given"}[name] }
		}), "release/1 ", "release/2 2 latest")
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	v := newVault()
	v.Keys["symmetric"] = vaulttest.Key{Type: "aes256-gcm96", Versions: []string{""}}
	v.Keys["retired"] = vaulttest.Key{Type: "ecdsa-p256", Versions: []string{publicKey, publicKey}, Oldest: 2}
	v.Keys["derived"] = vaulttest.Key{Type: "ed25519", Versions: []string{""}, Derived: true}
	v.Keys["deleted"] = vaulttest.Key{Type: "ecdsa-p256", Versions: []string{publicKey}, Deleted: true}
	v.Keys["odd"] = vaulttest.Key{Type: "ed25519", Versions: []string{"c2hvcnQ="}}
	v.Keys["secret"] = v.Keys["release"]
	v.Forbidden = map[string]bool{"secret": true}
	s := newSource(t, serve(t, v), func(o *hashivault.Options) {
		o.Keys = []string{"symmetric", "derived", "retired", "deleted", "odd", "none", "secret", "release"}
	})
	want(
		t, s,
		"symmetric/1  latest! read key symmetric: the key is of type aes256-gcm96, which has no public key",
		"derived/1  latest! read key derived: the key is derived: it has a public key for each context, none of its own; make one without derived",
		"retired/2  latest",
		"deleted/1  latest! read key deleted: SoftDeleted the key is deleted",
		"odd/1  latest! read key odd: the public key is not 32 bytes in base64",
		"none/ ! read key none: 404 Not Found",
		"release/1 ", "release/2 2 latest",
		"error read key none: 404 Not Found\nread key secret: 403 permission denied; no policy of the token has read on transit/keys/secret",
	)
}

func TestEd25519KeysBecomePEM(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := newVault()
	v.Keys["release"] = vaulttest.Key{Type: "ed25519", Versions: []string{base64.StdEncoding.EncodeToString(public)}}
	snapshot, err := newSource(t, serve(t, v), nil).Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(snapshot.Keys[0].PEM)
	if got, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil || !public.Equal(got) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A login is kept for three quarters of its life, and made again when its token has
// ended, not when a policy denies; a token file is read each time.
func TestLoginsAreFew(t *testing.T) {
	t.Parallel()
	v := newVault()
	now := time.Unix(1_700_000_000, 0)
	jwt := file(t, "jwt-of-ratify")
	s := newSource(t, serve(t, v), func(o *hashivault.Options) {
		o.Auth = hashivault.Auth{KubernetesRole: "ratify", KubernetesTokenFile: jwt}
		o.Now = func() time.Time { return now }
	})
	step := func(d time.Duration, logins int) {
		t.Helper()
		now = now.Add(d)
		want(t, s, "release/1 ", "release/2 2 latest")
		if v.Logins() != logins {
			t.Errorf("%d logins, want %d", v.Logins(), logins)
		}
	}
	step(0, 1)
	step(44*time.Minute, 1)
	step(time.Minute, 2)
	v.Revoke()
	step(time.Minute, 3)
	v.Change(func(v *vaulttest.Vault) { v.Forbidden = map[string]bool{"release": true} })
	want(t, s, "error read key release: 403 permission denied; no policy of the token has read on transit/keys/release")
	v.Change(func(v *vaulttest.Vault) { v.Forbidden = nil })
	if err := os.WriteFile(jwt, []byte("jwt-of-nobody"), 0o600); err != nil {
		t.Fatal(err)
	}
	step(time.Minute, 3)
	now = now.Add(time.Hour)
	want(t, s, "error log in: 403 permission denied")
}

func TestFailuresOfTheServer(t *testing.T) {
	t.Parallel()
	elsewhere := &vaulttest.Vault{}
	sealed, moved, garbage := newVault(), newVault(), newVault()
	sealed.Status, moved.Redirect = http.StatusServiceUnavailable, serve(t, elsewhere)+"/v1/transit/keys/release"
	garbage.Keys["release"] = vaulttest.Key{}
	closed := httptest.NewServer(newVault())
	closed.Close()
	for _, tt := range []struct {
		name, address, want string
		retryable           bool
	}{
		{"sealed", serve(t, sealed), "read key release: 503 Vault is sealed", true},
		{"redirect", serve(t, moved), "read key release: redirect refused", false},
		{"no key", serve(t, garbage), "read key release: the answer is not a transit key", false},
		{"down", closed.URL, "connection refused", true},
	} {
		set := keys.NewSet([]keys.Provider{{Name: "vault", Source: newSource(t, tt.address, nil)}}, keys.Options{})
		t.Cleanup(set.Close)
		f, err := set.Lookup(t.Context(), "vault", "release", "")
		if err != nil || len(f.Absent) != 1 || !strings.HasSuffix(f.Absent[0].Err.Error(), tt.want) || f.Absent[0].Retryable != tt.retryable {
			t.Errorf("%s: %+v, %v", tt.name, f, err)
		}
	}
	if elsewhere.Requests() != 0 {
		t.Error("the token went to another host")
	}
}

func TestLoginNeedsItsFiles(t *testing.T) {
	t.Parallel()
	address := serve(t, newVault())
	for _, tt := range []struct {
		auth hashivault.Auth
		want string
	}{
		{hashivault.Auth{TokenFile: "/none"}, "read /none: no such file or directory"},
		{hashivault.Auth{TokenFile: file(t, " \n")}, "it is empty"},
		{hashivault.Auth{TokenEnv: "VAULT_TOKEN"}, "log in: the environment variable VAULT_TOKEN is empty"},
		{hashivault.Auth{RoleIDFile: file(t, "role"), SecretIDFile: "/none"}, "read /none: no such file or directory"},
		{hashivault.Auth{}, "log in: no way to log in is configured"},
	} {
		s := newSource(t, address, func(o *hashivault.Options) { o.Auth, o.Env = tt.auth, func(string) string { return "" } })
		if _, err := s.Fetch(t.Context()); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// Vault does not list versions below min_decryption_version. A server that does gets
// them believed no more.
func TestVersionsBelowTheMinimumAreNotUsed(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data": {"type": "ecdsa-p256", "latest_version": 2, "min_decryption_version": 2, "keys":
			{"1": {"public_key": "-----BEGIN 1"}, "2": {"public_key": "-----BEGIN 2"}}}}`)
	}))
	want(t, newSource(t, address, nil),
		"release/1 ! read key release: the version is below min_decryption_version, 2", "release/2 -----BEGIN 2 latest")
}
