// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, key, namespace, image string }{
		{"image", "registry.example/app:v1", "", "registry.example/app:v1"},
		{"short name", "nginx", "", "nginx"},
		{"namespace", "[team-a]registry.example/app@sha256:ab", "team-a", "registry.example/app@sha256:ab"},
		{"longest namespace", "[" + strings.Repeat("a", 63) + "]app", strings.Repeat("a", 63), "app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			namespace, image, err := gatekeeper.ParseKey(tt.key)
			if err != nil || namespace != tt.namespace || image != tt.image {
				t.Errorf("got %q, %q, %v", namespace, image, err)
			}
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, key, want string }{
		{"empty", "", "the key is empty"},
		{"empty namespace", "[]image", `"" is no namespace`},
		{"second closing bracket", "[a]b]c", "at most one pair of brackets"},
		{"unclosed", "[a", "at most one pair of brackets"},
		{"only closed", "a]b", "at most one pair of brackets"},
		{"second pair", "[a][b]c", "at most one pair of brackets"},
		{"pair inside", "a[b]c", "at most one pair of brackets"},
		{"crossed", "]a[b", "at most one pair of brackets"},
		{"no image", "[team-a]", "no image follows the namespace"},
		{"capitals", "[Team]app", `"Team" is no namespace`},
		{"dot", "[a.b]app", `"a.b" is no namespace`},
		{"hyphen first", "[-a]app", `"-a" is no namespace`},
		{"hyphen last", "[a-]app", `"a-" is no namespace`},
		{"too long", "[" + strings.Repeat("a", 64) + "]app", "is no namespace"},
		{"line break", "[a\nb]app", `"a\nb" is no namespace`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := gatekeeper.ParseKey(tt.key); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, version string }{
		{"as Gatekeeper sends it", `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["a","b"]}}`, "externaldata.gatekeeper.sh/v1beta1"},
		{"older version", `{"apiVersion":"externaldata.gatekeeper.sh/v1alpha1","kind":"ProviderRequest","request":{"keys":["a","b"]}}`, "externaldata.gatekeeper.sh/v1alpha1"},
		{"by hand", `{"request":{"keys":["a","b"]}}`, "externaldata.gatekeeper.sh/v1beta1"},
		{"unknown fields", `{"later":1,"request":{"keys":["a","b"],"later":2}}`, "externaldata.gatekeeper.sh/v1beta1"},
		{"other case is an unknown field", `{"request":{"keys":["a","b"],"Keys":["c"]},"REQUEST":{"keys":["c"]}}`, "externaldata.gatekeeper.sh/v1beta1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			version, keys, err := gatekeeper.ParseRequest([]byte(tt.body), 2)
			if err != nil || version != tt.version || !cmp.Equal(keys, []string{"a", "b"}) {
				t.Errorf("got %s, %q, %v", version, keys, err)
			}
		})
	}
}

// What Gatekeeper sends takes the short way, and what is unusual does not.
func TestPlainRequest(t *testing.T) {
	t.Parallel()
	for body, plain := range map[string]bool{
		`{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["registry.example/app:v1","[team-a]b"]}}`: true,
		" {\n\t\"request\" : { \"keys\" : [ \"a\" , \"b\" ] } }\r\n":                                                                              true,
		`{"request":{"keys":["a\u0041"]}}`:                 false,
		`{"request":{"keys":["ä"]}}`:                       false,
		`{"request":{"keys":["a"],"keys":["b"]}}`:          false,
		`{"request":{"keys":["a"]},"request":{}}`:          false,
		`{"request":{"keys":["a"],"more":1}}`:              false,
		`{"request":{"keys":["a"]}} {}`:                    false,
		`{"request":{"keys":["a",]}}`:                      false,
		`{"request":{"keys":[]}}`:                          false,
		`{"request":{"keys":["a"]}`:                        false,
		`{"kind":"K","kind":"K","request":{"keys":["a"]}}`: false,
	} {
		if _, ok := gatekeeper.PlainRequest([]byte(body)); ok != plain {
			t.Errorf("%s: plain %v, want %v", body, ok, plain)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"", "nginx", "[team-a]app", "[]x", "[a]b]c", "[a", "[[a]]b", "[a]\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		namespace, image, err := gatekeeper.ParseKey(key)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		if image == "" || strings.ContainsAny(namespace+image, "[]") {
			t.Errorf("%q: namespace %q, image %q", key, namespace, image)
		}
		if again := "[" + namespace + "]" + image; key != image && key != again {
			t.Errorf("%q was read as %q", key, again)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["a"]}}`,
		`{"kind":"ProviderRequest","request":{"keys":["a\u0041","a"]},"kind":null}`, ` { "request" : { "keys" : [ "a" , "b" ] } } `, `{"request":{"keys":["ä"]}}`,
		`{"request":{"keys":["a"],"keys":["b"]}}`, `{"apiVersion":"externaldata.gatekeeper.sh/v1alpha1","request":{"keys":["a"]}}`, `{"request":{"keys":["a"]}}x`,
		`{"request":{"keys":[]}}`, `{"request":{"keys":[1]}}`, `{"request":null}`, `[]`, `null`, ``, `{} {}`, `{"request":{"keys":["a"]},"request":{}}`,
	} {
		f.Add([]byte(seed))
	}
	const most = 8
	f.Fuzz(func(t *testing.T, body []byte) {
		version, keys, err := gatekeeper.ParseRequest(body, most)
		if version != "externaldata.gatekeeper.sh/v1beta1" && version != "externaldata.gatekeeper.sh/v1alpha1" {
			t.Errorf("answers with apiVersion %q", version)
		}
		if (err == nil) != (len(keys) > 0) || len(keys) > most {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		if err == nil && !json.Valid(body) {
			t.Error("accepted what is no JSON")
		}
		decodedVersion, decoded, decodeErr := gatekeeper.DecodeRequest(body)
		if len(decoded) <= most && (version != decodedVersion || !cmp.Equal(keys, decoded) || fmt.Sprint(err) != fmt.Sprint(decodeErr)) {
			t.Errorf("got %s, %q, %v; encoding/json alone %s, %q, %v", version, keys, err, decodedVersion, decoded, decodeErr)
		}
	})
}
