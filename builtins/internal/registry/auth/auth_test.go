// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/auth"
)

func TestParseChallenges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		headers []string
		schemes []string
		first   map[string]string
	}{
		{
			"bearer",
			[]string{`Bearer realm="https://a.example/token",service="s",scope="repository:a/b:pull,push"`},
			[]string{"bearer"},
			map[string]string{"realm": "https://a.example/token", "service": "s", "scope": "repository:a/b:pull,push"},
		},
		{"spaces", []string{`  bearer   realm = "r" ,  service = "s"  `}, []string{"bearer"}, map[string]string{"realm": "r", "service": "s"}},
		{"without quotes", []string{`Bearer realm=https://a.example/token,service=s`}, []string{"bearer"}, map[string]string{"realm": "https://a.example/token", "service": "s"}},
		{"escapes", []string{`Basic realm="a\"b\\c"`}, []string{"basic"}, map[string]string{"realm": `a"b\c`}},
		{"two in one header", []string{`Basic realm="x", Bearer realm="y"`}, []string{"basic", "bearer"}, map[string]string{"realm": "x"}},
		{"two headers", []string{`Basic realm="x"`, `Bearer realm="y"`}, []string{"basic", "bearer"}, map[string]string{"realm": "x"}},
		{"the first of equal keys", []string{`Bearer realm="x",realm="y"`}, []string{"bearer"}, map[string]string{"realm": "x"}},
		{"open quote", []string{`Bearer service="s",realm="x`}, []string{"bearer"}, map[string]string{"service": "s"}},
		{"scheme only", []string{`Negotiate`}, []string{"negotiate"}, map[string]string{}},
		{"nothing", []string{``}, nil, nil},
		{"oversized", []string{`Bearer realm="` + strings.Repeat("x", 10<<10) + `"`}, nil, nil},
	} {
		schemes, params := auth.ParseChallenges(tt.headers)
		if diff := cmp.Diff(tt.schemes, schemes); diff != "" {
			t.Errorf("%s: schemes (-want +got):\n%s", tt.name, diff)
		}
		if len(params) > 0 {
			if diff := cmp.Diff(tt.first, params[0]); diff != "" {
				t.Errorf("%s: parameters (-want +got):\n%s", tt.name, diff)
			}
		}
	}
}

func TestRealmPolicy(t *testing.T) {
	t.Parallel()
	const secure, plain = "https://registry.example", "http://registry.example:5000"
	for _, tt := range []struct {
		name, base, realm     string
		trusted               []string
		credential, anonymous bool // may be sent
	}{
		{"same host", secure, "https://registry.example/token", nil, true, true},
		{"same host in capitals with a dot", secure, "https://Registry.Example./token", nil, true, true},
		{"same host, other port", secure, "https://registry.example:8443/token", nil, true, true},
		{"same host, clear text", secure, "http://registry.example/token", nil, false, false},
		{"declared, clear text", secure, "http://auth.example/token", []string{"auth.example"}, false, false},
		{"elsewhere", secure, "https://auth.example/token", nil, false, true},
		{"declared", secure, "https://auth.example/token", []string{"auth.example"}, true, true},
		{"declared on another port", secure, "https://auth.example:8443/token", []string{"auth.example"}, false, true},
		{"declared with its port", secure, "https://auth.example:8443/token", []string{"auth.example:8443"}, true, true},
		{"look-alike of the registry", secure, "https://registry.example.evil.test/token", nil, false, true},
		{"look-alike of the declared", secure, "https://xauth.example/token", []string{"auth.example"}, false, true},
		{"subdomain of the registry", secure, "https://auth.registry.example/token", nil, false, true},
		{"user information", secure, "https://registry.example@evil.test/token", nil, false, false},
		{"own user information", secure, "https://u:p@registry.example/token", nil, false, false},
		{"no host", secure, "https:///token", nil, false, false},
		{"relative", secure, "/token", nil, false, false},
		{"opaque", secure, "https:registry.example", nil, false, false},
		{"another scheme", secure, "ftp://registry.example/token", nil, false, false},
		{"plain registry itself", plain, "http://registry.example:5000/token", nil, true, true},
		{"plain registry, TLS", plain, "https://registry.example/token", nil, true, true},
		{"plain registry, elsewhere in clear text", plain, "http://auth.example/token", nil, false, false},
		{"plain registry, declared in clear text", plain, "http://auth.example/token", []string{"auth.example"}, true, true},
		{"plain registry, elsewhere", plain, "https://auth.example/token", nil, false, true},
	} {
		for withCredential, want := range map[bool]bool{true: tt.credential, false: tt.anonymous} {
			err := auth.CheckRealm("registry.example", tt.base, tt.trusted, tt.realm, withCredential)
			if (err == nil) != want || err != nil && !errors.Is(err, auth.ErrRealm) {
				t.Errorf("%s, credential %v: %v", tt.name, withCredential, err)
			}
		}
	}
}

func TestDockerHubsTokenServerIsDeclared(t *testing.T) {
	t.Parallel()
	const realm = "https://auth.docker.io/token"
	if err := auth.CheckRealm("docker.io", "https://registry-1.docker.io", nil, realm, true); err != nil {
		t.Error(err)
	}
	if err := auth.CheckRealm("registry.example", "https://registry.example", nil, realm, true); err == nil {
		t.Error("Docker Hub's token server gets another registry's credential")
	}
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		body, value string
		life        time.Duration
	}{
		{`{"token":"a"}`, "a", time.Minute},
		{`{"access_token":"b","expires_in":300}`, "b", 5 * time.Minute},
		{`{"token":"a","access_token":"b","expires_in":3599.5}`, "a", time.Hour},
		{`{"token":"a","expires_in":-5}`, "a", time.Minute},
		{`{"token":"a","expires_in":1e300}`, "a", time.Hour},
	} {
		value, expires, err := auth.ParseToken([]byte(tt.body), now)
		if err != nil || value != tt.value || expires.After(now.Add(tt.life)) || expires.Before(now.Add(tt.life-time.Second)) {
			t.Errorf("%s: got %q, expires %s, %v", tt.body, value, expires, err)
		}
	}
}

func TestParseTokenNeverQuotes(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`hunter2`, `{"tokn":"hunter2"}`, `{"token":7,"x":"hunter2"}`} {
		if _, _, err := auth.ParseToken([]byte(body), time.Now()); !errors.Is(err, auth.ErrAnswer) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{`Bearer realm="https://a/t",service="s"`, `Basic realm="a\"b", Bearer realm=x`, `a=b=c,,;"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		schemes, params := auth.ParseChallenges([]string{header})
		for i, scheme := range schemes {
			if scheme == "" || params[i] == nil {
				t.Errorf("%q: challenge %d is empty", header, i)
			}
		}
	})
}
