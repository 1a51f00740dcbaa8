// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// fixed is a provider of the hosts it names.
type fixed struct {
	hosts []string
	gives auth.Credential
	err   error
	asked *[]string
}

func (f fixed) Owns(host string) bool { return slices.Contains(f.hosts, host) }

func (f fixed) Credential(_ context.Context, host string) (auth.Credential, error) {
	if f.asked != nil {
		*f.asked = append(*f.asked, host)
	}
	return f.gives, f.err
}

func user(name string) auth.Credential { return auth.Credential{Username: name, Password: "p"} }

func TestListAsksTheFirstOwner(t *testing.T) {
	t.Parallel()
	down := errors.New("STS is down")
	var asked []string
	list := credentials.NewList([]credentials.Entry{
		{Name: "none", Match: "public.example"},
		{Name: "broken", Match: "broken.example", Provider: fixed{hosts: []string{"broken.example"}, err: down}},
		{Name: "cloud", Provider: fixed{hosts: []string{"a.cloud.example", "b.cloud.example"}, gives: user("cloud"), asked: &asked}},
		{Name: "pattern", Match: "*.corp.example", Provider: fixed{hosts: []string{"a.corp.example", "a.b.corp.example", "other.example"}, gives: user("corp")}},
		{Name: "exact", Match: "exact.example", Provider: fixed{}},
		{Name: "empty", Match: "empty.example", Provider: fixed{hosts: []string{"empty.example"}}},
		{Name: "helper", Match: "helper.example", Provider: fixed{hosts: []string{"helper.example"}}, MayBeEmpty: true},
		{Name: "last", Match: "*", Provider: fixed{hosts: []string{"broken.example", "public.example", "last.example", "exact.example"}, gives: user("last")}},
	}, nil)
	for _, tt := range []struct{ host, want string }{
		{"public.example", ""},
		{"broken.example", "credential provider broken: STS is down"},
		{"a.cloud.example", "cloud"},
		{"a.corp.example", "corp"},
		{"a.b.corp.example", ""}, // one label
		{"other.example", ""},    // owned, not matched
		{"exact.example", "credential provider exact: exact.example is none of its registries, though credentials name it with this provider"},
		{"empty.example", "credential provider empty: it has no credential for this registry"},
		{"helper.example", ""},
		{"last.example", "last"},
		{"a.cloud.example.evil.example", ""},
		{"evil-a.cloud.example", ""},
		{"a.cloud.example:8443", ""},
		{"stranger.example", ""},
	} {
		credential, err := list.Credential(t.Context(), tt.host)
		got := credential.Username
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.host, got, tt.want)
		}
	}
	if diff := cmp.Diff([]string{"a.cloud.example"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestErrorNamesProviderStepAndRequest(t *testing.T) {
	t.Parallel()
	cause := errors.New("eof")
	for _, tt := range []struct {
		err  credentials.Error
		want string
	}{
		{credentials.Error{Provider: "p", Step: "log in", Code: "Denied", Message: "no such role", RequestID: "r1"}, "credential provider p: log in: Denied no such role (request id r1)"},
		{credentials.Error{Provider: "p", Step: "log in", Err: cause}, "credential provider p: log in: eof"},
		{credentials.Error{Provider: "p", Message: "m"}, "credential provider p: m"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if !errors.Is(&credentials.Error{Err: cause}, cause) {
		t.Error("the cause is lost")
	}
}

func TestListTellsHowProvidersDo(t *testing.T) {
	t.Parallel()
	var told []string
	list := credentials.NewList([]credentials.Entry{
		{Name: "good", Match: "good.example", Provider: fixed{hosts: []string{"good.example"}, gives: user("u")}},
		{Name: "bad", Match: "bad.example", Provider: fixed{}},
	}, func(name string, good bool) {
		told = append(told, strings.Join([]string{name, map[bool]string{true: "ok", false: "failed"}[good]}, " "))
	})
	for _, host := range []string{"good.example", "bad.example", "nobody.example"} {
		_, _ = list.Credential(t.Context(), host) // what it answers is tested above
	}
	if diff := cmp.Diff([]string{"good ok", "bad failed"}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListNamesTheGiver(t *testing.T) {
	t.Parallel()
	list := credentials.NewList([]credentials.Entry{
		{Name: "none", Match: "public.example"},
		{Name: "moved", Match: "*", Provider: fixed{hosts: []string{"good.example"}, err: credentials.ErrNotOwned}},
		{Name: "good", Provider: fixed{hosts: []string{"good.example", "public.example"}, gives: user("u")}},
		{Name: "helper", Match: "helper.example", Provider: fixed{hosts: []string{"helper.example"}}, MayBeEmpty: true},
	}, func(string, bool) { t.Error("who asks for a name is no user of the credential") })
	for host, want := range map[string]string{"good.example": "good", "public.example": "", "helper.example": "", "nobody.example": ""} {
		if got := list.Giver(t.Context(), host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// elsewhere is a provider whose registries have their token server elsewhere.
type elsewhere struct {
	fixed
	realm string
}

func (e elsewhere) Realms(string) []string { return []string{e.realm} }

func TestRealmsAreOfTheProvidersOfTheHost(t *testing.T) {
	t.Parallel()
	list := credentials.NewList([]credentials.Entry{
		{Name: "anonymous", Match: "a.example"},
		{Name: "plain", Provider: fixed{hosts: []string{"a.example"}}},
		{Name: "cloud", Provider: elsewhere{fixed{hosts: []string{"a.example"}}, "auth.example"}},
		{Name: "other", Match: "b.example", Provider: elsewhere{fixed{hosts: []string{"a.example"}}, "auth.other.example"}},
	}, nil)
	for host, want := range map[string][]string{"a.example": {"auth.example"}, "c.example": nil} {
		if diff := cmp.Diff(want, list.Realms(host)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
}
