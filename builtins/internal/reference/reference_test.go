// SPDX-License-Identifier: Apache-2.0

package reference_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

const sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"docker short name", "nginx", "docker.io/library/nginx:latest"},
		{"docker short name with tag", "nginx:1.27", "docker.io/library/nginx:1.27"},
		{"docker user repository", "acme/app", "docker.io/acme/app:latest"},
		{"docker alias index", "index.docker.io/library/nginx", "docker.io/library/nginx:latest"},
		{"docker alias registry-1", "registry-1.docker.io/nginx", "docker.io/library/nginx:latest"},
		{"docker alias upper case", "Docker.IO/nginx", "docker.io/library/nginx:latest"},
		{"host case", "Registry.Example/app:v1", "registry.example/app:v1"},
		{"host trailing dot", "registry.example./app:v1", "registry.example/app:v1"},
		{"default port", "registry.example:443/app:v1", "registry.example/app:v1"},
		{"trailing dot and default port", "registry.example.:443/app", "registry.example/app:latest"},
		{"default port of one label", "acme:443/app:v1", "acme:443/app:v1"},
		{"one label, trailing dot and default port", "Acme.:443/app", "acme:443/app:latest"},
		{"localhost and default port", "localhost:443/app", "localhost/app:latest"},
		{"other port", "registry.example:5000/app:v1", "registry.example:5000/app:v1"},
		{"port and no tag", "localhost:5001/net-monitor", "localhost:5001/net-monitor:latest"},
		{"localhost without port", "localhost/app:v1", "localhost/app:v1"},
		{"IPv4", "127.0.0.1:5000/a/b:v1", "127.0.0.1:5000/a/b:v1"},
		{"IPv6", "[::1]:5000/app:v1", "[::1]:5000/app:v1"},
		{"digest", "registry.example/app@" + sha, "registry.example/app@" + sha},
		{"digest wins over tag", "registry.example/app:v1@" + sha, "registry.example/app@" + sha},
		{"localhost in capitals", "LOCALHOST/app", "localhost/app:latest"},
		{"punycode host", "xn--bcher-kva.example/app:v1", "xn--bcher-kva.example/app:v1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := reference.Parse(tt.in)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.in, err)
			}
			if got.String() != tt.want {
				t.Errorf("Parse(%q) = %q, want %q", tt.in, got, tt.want)
			}
			again, err := reference.Parse(got.String())
			if err != nil || again.String() != tt.want {
				t.Errorf("Parse(%q) = %q, %v: not a fixed point", got, again, err)
			}
		})
	}
}

func TestParseKeepsTagBesideDigest(t *testing.T) {
	t.Parallel()
	got, err := reference.Parse("registry.example/app:v1@" + sha)
	if err != nil {
		t.Fatal(err)
	}
	if got.Tag != "v1" || got.Digest.String() != sha {
		t.Errorf("got tag %q, digest %q", got.Tag, got.Digest)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, hint string }{
		{"empty", "", "registry/repository:tag"},
		{"scheme", "https://registry.example/app", "scheme"},
		{"space", "registry.example/app v1", "0x20"},
		{"control byte", "registry.example/app\n", "0x0a"},
		{"homograph", "registry.exаmple/app", "xn--"},
		{"upper-case repository", "registry.example/App", "lowercase"},
		{"upper-case first part", "REGISTRY/app", "upper-case"},
		{"short digest", "registry.example/app@sha256:abcd", "digest"},
		{"unknown digest algorithm", "registry.example/app@md5:d41d8cd98f00b204e9800998ecf8427e", "digest"},
		{"bare digest", strings.TrimPrefix(sha, "sha256:"), ""},
		{"registry only", "registry.example/", "repository"},
		{"one label and trailing dot", "acme./app", "write it with its port"},
		{"port zero", "registry.example:0/app", "port"},
		{"port too large", "registry.example:65536/app", "port"},
		{"port with leading zero", "registry.example:0443/app", "port"},
		{"two trailing dots", "registry.example../app", "label"},
		{"user info", "user@registry.example/app", ""},
		{"octal address", "0177.0.0.1/app", "IPv4"},
		{"decimal address", "registry.2130706433/app", "IPv4"},
		{"IPv6 zone", "[fe80::1%eth0]/app", ""},
		{"empty segment", "registry.example/a//b", "form"},
		{"parent segment", "registry.example/../b", "form"},
		{"too long", strings.Repeat("a", 2000), "bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := reference.Parse(tt.in)
			if !errors.Is(err, reference.ErrInvalid) {
				t.Fatalf("Parse(%q) = %q, %v; want ErrInvalid", tt.in, got, err)
			}
			if !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("Parse(%q): %v; want a hint at %q", tt.in, err, tt.hint)
			}
			if got != (reference.Reference{}) {
				t.Errorf("Parse(%q) = %+v beside an error", tt.in, got)
			}
		})
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scope, image string
		want         bool
	}{
		{"*", "nginx", true},
		{"docker.io", "nginx", true},
		{"index.docker.io/library/nginx", "nginx", true},
		{"docker.io/library", "nginx", true},
		{"ghcr.io", "ghcr.io/acme/app:v1", true},
		{"GHCR.io:443", "ghcr.io/acme/app:v1", true},
		{"ghcr.io", "ghcr.io.evil.example/acme/app", false},
		{"ghcr.io", "evil.example/ghcr.io/app", false},
		{"ghcr.io", "ghcr.io:5000/acme/app", false},
		{"ghcr.io/acme", "ghcr.io/acme/app", true},
		{"ghcr.io/acme", "ghcr.io/acme/a/b", true},
		{"ghcr.io/acme", "ghcr.io/acme-evil/app", false},
		{"ghcr.io/acme/app", "ghcr.io/acme/app:v1", true},
		{"ghcr.io/acme/app", "ghcr.io/acme/app2:v1", false},
		{"ghcr.io/acme/*", "ghcr.io/acme/app", true},
		{"ghcr.io/acme/*", "ghcr.io/acme/a/b", false},
		{"ghcr.io/acme/*", "ghcr.io/acme", false},
		{"ghcr.io/acme/**", "ghcr.io/acme/a/b", true},
		{"ghcr.io/acme/**", "ghcr.io/acme", false},
		{"ghcr.io/*/app", "ghcr.io/acme/app", true},
		{"*.registry.example", "eu.registry.example/app", true},
		{"*.registry.example", "registry.example/app", false},
		{"*.registry.example", "a.b.registry.example/app", false},
		{"*.registry.example/org/*", "attacker.example/x.registry.example/org/evil", false},
		{"*.registry.example/org/*", "eu.registry.example.attacker.example/org/evil", false},
		{"*.registry.example/org/*", "eu.registry.example/org/app", true},
		{"*.example:443", "eu.example/org/app", true},
		{"docker.io/acme", "acme:443/app:v1", false},
		{"acme:443", "acme:443/app:v1", true},
		{"acme:443", "acme/app:v1", false},
		{"localhost:5001", "localhost:5001/net-monitor:v1", true},
		{"localhost:5001", "localhost:5002/net-monitor:v1", false},
	} {
		t.Run(fmt.Sprintf("%s matches %s", tt.scope, tt.image), func(t *testing.T) {
			t.Parallel()
			scope, err := reference.ParseScope(tt.scope)
			if err != nil {
				t.Fatal(err)
			}
			ref, err := reference.Parse(tt.image)
			if err != nil {
				t.Fatal(err)
			}
			if got := scope.Match(ref); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestScopeRefuses(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"", "nginx", "ghcr.io/", "ghcr.io/acme-*", "ghcr.io/**/app", "*ghcr.io", "ghcr.*", "a.*.example", "acme./app",
		"ghcr.io/acme:v1", "ghcr.io/acme@" + sha, "https://ghcr.io", "ghcr.io//a", "ghcr.io/Acme",
	} {
		if s, err := reference.ParseScope(pattern); !errors.Is(err, reference.ErrInvalid) {
			t.Errorf("ParseScope(%q) = %+v, %v; want ErrInvalid", pattern, s, err)
		}
	}
}

func TestZeroScopeMatchesNothing(t *testing.T) {
	t.Parallel()
	ref, err := reference.Parse("nginx")
	if err != nil {
		t.Fatal(err)
	}
	if (reference.Scope{}).Match(ref) {
		t.Error("the zero scope matched")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx", "a.b:443/c:d@" + sha, "[::1]:5000/x", "Docker.IO/nginx", "registry.example./app", "0x7f.1/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := reference.Parse(s)
		if err != nil {
			return
		}
		again, err := reference.Parse(ref.String())
		if err != nil {
			t.Fatalf("Parse(%q) = %q, which does not parse: %v", s, ref, err)
		}
		if again.String() != ref.String() {
			t.Fatalf("Parse(%q) = %q, then %q: not a fixed point", s, ref, again)
		}
		scope, err := reference.ParseScope(ref.Name())
		if err == nil && !scope.Match(ref) {
			t.Fatalf("scope %q does not match its own reference", ref.Name())
		}
	})
}

func ExampleParse() {
	ref, err := reference.Parse("Registry.Example.:443/app:v1")
	fmt.Println(ref, err)
	// Output: registry.example/app:v1 <nil>
}
