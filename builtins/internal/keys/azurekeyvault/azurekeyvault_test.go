// SPDX-License-Identifier: Apache-2.0

package azurekeyvault_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/azurekeyvault"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const (
	host = "contoso.vault.azure.net"
	uri  = "https://" + host
	pfx  = "application/x-pkcs12"
	text = "application/x-pem-file"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// age is a time of creation: the higher, the younger.
func age(n int) time.Time { return now.Add(time.Duration(n-100) * time.Hour) }

// scene is a vault and a pod that may read it.
type scene struct {
	vault    *azuretest.Vault
	azure    *azuretest.Azure
	hosts    *hosts.Hosts
	handlers map[string]http.Handler
	options  azurekeyvault.Options
}

func newScene(t *testing.T) *scene {
	t.Helper()
	clock := func() time.Time { return now }
	azure := azuretest.New(clock)
	s := &scene{azure: azure, vault: azure.NewVault(host)}
	s.handlers = map[string]http.Handler{host: s.vault, "login.microsoftonline.com": azure.Authority()}
	s.hosts = hosts.New(t, s.handlers)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(azure.Assertion(azure.Subject, azuretest.AssertionAudience, now.Add(time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	s.options = azurekeyvault.Options{VaultURI: uri, Identity: entra.Options{TenantID: azure.Tenant, ClientID: azure.ClientID, TokenFile: token, Transport: s.hosts.Transport(), Now: clock}}
	return s
}

func (s *scene) source(t *testing.T) *azurekeyvault.Source {
	t.Helper()
	source, err := azurekeyvault.New(s.options)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// told is a key as a test compares it.
type told struct {
	Name, Version string
	PEM           string
	Latest        bool
	Err           string
}

func (s *scene) fetch(t *testing.T, source *azurekeyvault.Source) ([]told, error) {
	t.Helper()
	snapshot, err := source.Fetch(t.Context())
	var list []told
	for _, k := range snapshot.Keys {
		item := told{Name: k.Name, Version: k.Version, PEM: string(k.PEM), Latest: k.Latest}
		if k.Err != nil {
			item.Err = k.Err.Error()
		}
		list = append(list, item)
	}
	return list, err
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PublicKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &k.PublicKey
}

func encoded(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func chain(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/pkcs12/chain.pem")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func container(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/pkcs12/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func compare(t *testing.T, want, got []told, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCertificatesComeWithTheirChainAndWithoutTheirKey(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	private := "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n"
	s.vault.PutSecret("release", azuretest.Version{Version: "v1", ContentType: text, Value: private + chain(t), Created: age(1)})
	s.vault.PutSecret("partner", azuretest.Version{Version: "v1", ContentType: pfx, Value: container(t, "mac-sha256.p12"), Created: age(1)})
	s.options.Certificates = []azurekeyvault.Object{{Name: "release"}, {Name: "partner", Versions: []string{uri + "/keys/partner/v1"}}}
	got, err := s.fetch(t, s.source(t))
	compare(t, []told{{"release", "v1", chain(t), true, ""}, {"partner", "v1", chain(t), true, ""}}, got, err)
}

func TestKeysOfEachTypeArePublicKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	want := []told{}
	for name, public := range map[string]any{"rsa": &k.PublicKey, "p256": ecKey(t, elliptic.P256()), "p384": ecKey(t, elliptic.P384()), "p521": ecKey(t, elliptic.P521())} {
		s.vault.PutKey(name, azuretest.Version{Version: "v1", Key: public, Created: age(1), HSM: name == "p384" || name == "rsa"})
		s.options.Keys = append(s.options.Keys, azurekeyvault.Object{Name: name})
		want = append(want, told{name, "v1", encoded(t, public), true, ""})
	}
	got, err := s.fetch(t, s.source(t))
	compare(t, want, got, err)
}

// rotated has three versions, of which the middle one is disabled.
func rotated(t *testing.T, s *scene) (first, third string) {
	t.Helper()
	a, b, c := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	s.vault.PutKey("release", azuretest.Version{Version: "v1", Key: a, Created: age(1)})
	s.vault.PutKey("release", azuretest.Version{Version: "v2", Key: b, Created: age(2), Disabled: true})
	s.vault.PutKey("release", azuretest.Version{Version: "v3", Key: c, Created: age(3)})
	return encoded(t, a), encoded(t, c)
}

const disabled = `get key "release": Disabled this version is disabled in the vault`

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		versions []string
		want     func(first, third string) []told
	}{
		{"current", nil, func(_, third string) []told { return []told{{"release", "v3", third, true, ""}} }},
		{"latest", []string{"latest"}, func(_, third string) []told { return []told{{"release", "v3", third, true, ""}} }},
		{"all, over pages", []string{"all"}, func(first, third string) []told {
			return []told{{"release", "v1", first, false, ""}, {"release", "v2", "", false, disabled}, {"release", "v3", third, true, ""}}
		}},
		{"pinned, in another order", []string{"v3", "v1"}, func(first, third string) []told {
			return []told{{"release", "v1", first, false, ""}, {"release", "v3", third, true, ""}}
		}},
		{"by identifier", []string{uri + "/keys/release/v1"}, func(first, _ string) []told { return []told{{"release", "v1", first, true, ""}} }},
		{"the newest is disabled", []string{"v1", "v2"}, func(first, _ string) []told {
			return []told{{"release", "v1", first, true, ""}, {"release", "v2", "", false, disabled}}
		}},
		{"none such", []string{"v9", "v1"}, func(first, _ string) []told {
			return []told{{"release", "v9", "", false, `get key "release": KeyNotFound there is none of that name and version in the vault (request id request-2)`}, {"release", "v1", first, true, ""}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			first, third := rotated(t, s)
			s.options.Keys = []azurekeyvault.Object{{Name: "release", Versions: tt.versions}}
			got, err := s.fetch(t, s.source(t))
			compare(t, tt.want(first, third), got, err)
		})
	}
}

// A current version that is disabled is not replaced by the one before it: whoever
// asked for the latest did not ask for that.
func TestDisabledCurrentVersionIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	rotated(t, s)
	s.vault.Disable("keys/release", "v3")
	s.options.Keys = []azurekeyvault.Object{{Name: "release"}}
	got, err := s.fetch(t, s.source(t))
	compare(t, []told{{"release", "v3", "", false, disabled}}, got, err)
}

// The service refuses to show a certificate that is disabled.
func TestDisabledCertificateIsNamed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.vault.PutSecret("release", azuretest.Version{Version: "v1", ContentType: text, Value: "x", Created: age(1)})
	s.vault.Disable("secrets/release", "v1")
	s.options.Certificates = []azurekeyvault.Object{{Name: "release", Versions: []string{"v1"}}}
	got, err := s.fetch(t, s.source(t))
	compare(t, []told{{"release", "v1", "", false, `get certificate "release": SecretDisabled this version is disabled in the vault (request id request-2)`}}, got, err)
}

func TestValidityIsTakenOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.vault.PutKey("release", azuretest.Version{Version: "v1", Key: ecKey(t, elliptic.P256()), Created: age(1), NotBefore: age(2), Expires: age(3)})
	s.options.Keys = []azurekeyvault.Object{{Name: "release"}}
	snapshot, err := s.source(t).Fetch(t.Context())
	if err != nil || len(snapshot.Keys) != 1 || !snapshot.Keys[0].NotBefore.Equal(age(2)) || !snapshot.Keys[0].NotAfter.Equal(age(3)) {
		t.Errorf("%+v, %v", snapshot, err)
	}
}

func TestSecretsThatAreNoCertificateAreSaidToBe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, contentType, value, want string
	}{
		{"empty chain", text, "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n", "there is no certificate in it"},
		{"not PEM", text, "hunter2", "there is no certificate in it"},
		{"broken certificate", text, "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"},
		{"password of a database", "", "hunter2", "application/x-pem-file"},
		{"not base64", pfx, "hunter2!", "not base64"},
		{"not PKCS#12", pfx, "aHVudGVyMg==", "choose the content type application/x-pem-file"},
	} {
		s := newScene(t)
		s.vault.PutSecret("release", azuretest.Version{Version: "v1", ContentType: tt.contentType, Value: tt.value, Created: age(1)})
		s.options.Certificates = []azurekeyvault.Object{{Name: "release"}}
		got, err := s.fetch(t, s.source(t))
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0].Err, `get certificate "release": unusable`) || !strings.Contains(got[0].Err, tt.want) || strings.Contains(got[0].Err, "hunter2") || got[0].Latest {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestKeysThatAreNoneAreSaidToBe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		jwk  map[string]any
		want string
	}{
		{"symmetric", map[string]any{"kty": "oct-HSM"}, "symmetric"},
		{"unknown type", map[string]any{"kty": "OKP"}, `"OKP"`},
		{"curve of a currency", map[string]any{"kty": "EC", "crv": "P-256K"}, `"P-256K"`},
		{"point off its curve", map[string]any{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}, "not on its curve"},
		{"too long", map[string]any{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 60), "y": strings.Repeat("_", 60)}, "no number"},
		{"short modulus", map[string]any{"kty": "RSA", "n": strings.Repeat("_", 171), "e": "AQAB"}, "bits"},
		{"even exponent", map[string]any{"kty": "RSA", "n": strings.Repeat("_", 342), "e": "AAA"}, "exponent"},
		{"no numbers", map[string]any{"kty": "RSA", "n": "!", "e": ""}, "no number"},
	} {
		s := newScene(t)
		s.vault.PutKey("release", azuretest.Version{Version: "v1", Key: tt.jwk, Created: age(1)})
		s.options.Keys = []azurekeyvault.Object{{Name: "release"}}
		got, err := s.fetch(t, s.source(t))
		if err != nil || len(got) != 1 || !strings.Contains(got[0].Err, tt.want) || got[0].PEM != "" {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestSettingsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	one := func(versions ...string) []azurekeyvault.Object {
		return []azurekeyvault.Object{{Name: "release", Versions: versions}}
	}
	for _, tt := range []struct {
		name, uri    string
		certificates []azurekeyvault.Object
		keys         []azurekeyvault.Object
		want         string
	}{
		{"nothing", uri, nil, nil, "neither certificates nor keys"},
		{"http", "http://" + host, nil, one(), "https://NAME.vault.azure.net"},
		{"look-alike", uri + ".evil.example", nil, one(), "no host of Azure Key Vault"},
		{"look-alike in user information", "https://" + host + "@evil.example", nil, one(), "not the URL of a vault"},
		{"port", uri + ":8443", nil, one(), "no host of Azure Key Vault"},
		{"path", uri + "/keys", nil, one(), "not the URL of a vault"},
		{"name with a path", uri, nil, []azurekeyvault.Object{{Name: "../x"}}, `keys[0]: name "../x"`},
		{"version twice", uri, nil, one("v1", "v1"), `version "v1" is there twice`},
		{"version twice, once as identifier", uri, one("v1", uri+"/keys/release/v1"), nil, `certificates[0]: version "v1" is there twice`},
		{"identifier of another vault", uri, nil, one("https://other.vault.azure.net/keys/release/v1"), "is in the vault other.vault.azure.net, not in contoso.vault.azure.net"},
		{"identifier of another name", uri, nil, one(uri + "/keys/other/v1"), `is a version of "other", not of "release"`},
		{"identifier without a version", uri, nil, one(uri + "/keys/release"), "not the identifier of a version"},
		{"all beside one", uri, nil, one("v1", "all"), "stand alone"},
		{"one name for two", uri, one(), one(), `keys[0]: the name "release" is there already`},
		{"certificates of an HSM", "https://contoso.managedhsm.azure.net", one(), nil, "a managed HSM has keys only"},
	} {
		s := newScene(t)
		s.options.VaultURI, s.options.Certificates, s.options.Keys = tt.uri, tt.certificates, tt.keys
		if _, err := azurekeyvault.New(s.options); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := s.hosts.Requests(); len(got) != 0 {
			t.Errorf("%s: requests %q", tt.name, got)
		}
	}
}

// lookup is what a trust document gets for "release".
func lookup(t *testing.T, set *keys.Set, version string) keys.Found {
	t.Helper()
	found, err := set.Lookup(t.Context(), "prod", "release", version)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
