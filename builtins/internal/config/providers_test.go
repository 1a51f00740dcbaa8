// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

const pin = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParseReadsProviders(t *testing.T) {
	t.Parallel()
	password, ca := file(t, "password", []byte("hunter2")), certificate(t)
	caFile := file(t, "ca.pem", ca)
	raw := `
credentials:
  - {match: Registry.Example:443, provider: static, username: robot, password_file: ` + password + `}
  - {name: dockerConfig, configPath: ` + password + `, helpers: true}
  - name: k8Secrets
    serviceAccountName: ratify
    secrets: [{secretName: pull, namespace: team}, {name: other}]
  - {match: "*.Public.example", provider: anonymous}
key_providers:
  - {name: a, type: inline, refreshInterval: 10s, keys: [{name: root, value: "-----BEGIN CERTIFICATE-----"}]}
  - {type: file, name: b, max_stale: 1m, path: /keys}
  - {name: c, type: url, ca_file: ` + caFile + `, keys: [{name: k, url: "https://k.example/k.pub", sha256: ` + pin + `}]}
  - {name: d, type: kubernetes, namespace: trust, keys: [{name: k, secret: s, key: k.pub}, {name: l, config_map: m, namespace: n, key: l}]}
  - {name: e, type: hashivault, address: "https://vault.example", mount: m, namespace: n, keys: [release], auth: {kubernetes_role: ratify}}
`
	c, err := config.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Credentials = []config.Credential{
		{Match: "registry.example", Provider: config.CredentialStatic, Static: config.StaticCredential{Username: "robot", PasswordFile: password}},
		{Provider: config.CredentialDockerConfig, DockerConfig: config.DockerCredentials{Path: password, Helpers: true}},
		{Provider: config.CredentialKubernetesSecrets, KubernetesSecrets: config.KubernetesCredentials{
			ServiceAccount: "ratify", Secrets: []config.SecretName{{Name: "pull", Namespace: "team"}, {Name: "other"}}, RefreshInterval: time.Minute,
		}},
		{Match: "*.public.example", Provider: config.CredentialAnonymous},
	}
	const hour, day = time.Hour, 24 * time.Hour
	want.KeyProviders = []config.KeyProvider{
		{Name: "a", Type: config.KeysInline, RefreshInterval: 10 * time.Second, MaxStale: day, Inline: config.InlineKeys{Keys: []config.InlineKey{{Name: "root", Value: "-----BEGIN CERTIFICATE-----"}}}},
		{Name: "b", Type: config.KeysFile, RefreshInterval: hour, MaxStale: time.Minute, File: config.FileKeys{Path: "/keys"}},
		{Name: "c", Type: config.KeysURL, RefreshInterval: hour, MaxStale: day, URL: config.URLKeys{Keys: []config.URLKey{{Name: "k", URL: "https://k.example/k.pub", SHA256: pin}}, CAFile: caFile, CertificateAuthorities: ca}},
		{Name: "d", Type: config.KeysKubernetes, RefreshInterval: hour, MaxStale: day, Kubernetes: config.KubernetesKeys{Namespace: "trust", Keys: []config.KubernetesKey{
			{Name: "k", Secret: "s", Key: "k.pub"}, {Name: "l", ConfigMap: "m", Namespace: "n", Key: "l"},
		}}},
		{Name: "e", Type: config.KeysVault, RefreshInterval: hour, MaxStale: day, Vault: config.VaultKeys{
			Address: "https://vault.example", Mount: "m", Namespace: "n", Keys: []string{"release"}, Auth: config.VaultAuth{KubernetesRole: "ratify"},
		}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProvidersNameEveryProblem(t *testing.T) {
	t.Parallel()
	secret := file(t, "secret", []byte("hunter2"))
	for raw, want := range map[string][]string{
		`credentials: [{match: a.example}]`:                                                         {"credentials[0].provider is missing"},
		`credentials: [{provider: azrue, tenant: x}]`:                                               {`provider "azrue": not known; write alibabacloud_acr, anonymous, aws_ecr, azure_acr,`},
		`credentials: [{provider: static, name: static, username: u}]`:                              {"credentials[0].name appears twice, as provider or name"},
		`credentials: [{provider: static, username: u, password_file: ` + secret + `}]`:             {"match is missing"},
		`credentials: [{match: "*", provider: static, username: u, password_file: ` + secret + `}]`: {"every registry that an image names"},
		`credentials: [{match: a.example, provider: static, username: u}]`:                          {"has 0 of password_file, password_env and identity_token_file"},
		`credentials: [{match: a.example, provider: static, password_env: REGISTRY_TOKEN}]`:         {"username is missing"},
		`credentials: [{match: a.example, provider: static, username: u, password_env: REGPW}]`:     {`password_env "REGPW": every policy could read this variable`},
		`credentials: [{match: a.example, provider: static, username: u, password: hunter2}]`:       {"password looks like a credential"},
		`credentials: [{match: a.example, provider: static, username: u, password_file: /none}]`:    {`password_file "/none": no such file`},
		`credentials: [{match: a.example, provider: static, path: x}]`:                              {"credentials[0].path is not a setting", `did you mean "match"?`},
		`credentials: [{provider: docker_config}]`:                                                  {"path is missing"},
		`credentials: [{match: "u:hunter2@a.example", provider: anonymous}]`:                        {"match holds user information"},
		`credentials: [{provider: k8Secrets, secrets: [{namespace: x}], refresh_interval: 1s}]`:     {"secrets[0].name is missing", "refresh_interval 1s: out of range"},

		`key_providers: [{type: file, path: /k}, {name: a, type: file}, {name: a, type: file, path: x}]`: {
			"key_providers[0].name is missing", "key_providers[1].path is missing", `key_providers[2].name "a" is also that of an earlier entry`,
		},
		`key_providers: [{name: a, type: file, path: /k, refresh_interval: 9s, max_stale: 31d}]`: {"refresh_interval 9s: out of range", `max_stale "31d": not a duration`},
		`key_providers: [{name: a, type: inline}, {name: b, type: inline, keys: [{value: x}, {name: k, value: "-----BEGIN PRIVATE KEY-----hunter2"}]}]`: {
			"key_providers[0].keys is missing", "keys[0].name is missing", "keys[0].value is not PEM", "keys[1].value holds a private key",
		},
		`key_providers: [{name: a, type: url, keys: [{name: k, url: "http://k.example", sha256: x}, {name: k, url: "https://u:hunter2@k.example", sha256: ` + pin + `}]}]`: {
			"keys[0].url is not an https URL", "keys[0].sha256 is not a digest", `keys[1].name "k" is also`, "keys[1].url is not an https URL",
		},
		`key_providers: [{name: a, type: kubernetes, keys: [{name: k, secret: s, config_map: m}]}]`: {"needs exactly one of secret and config_map", "keys[0].key is missing"},
		`key_providers: [{name: a, type: hashivault, address: "http://vault.example", keys: [k], auth: {token_env: VAULT_ADDR, role_id_file: x}}]`: {
			"tokens would be sent in the clear", "has 2 of token_file", `token_env "VAULT_ADDR": every policy could read`,
		},
		`key_providers: [{name: a, type: hashivault, address: "https://vault.example?x=1", keys: [k], auth: {role_id_file: x}}]`: {"is not a URL without user information and query", "role_id_file and secret_id_file together"},
		`key_providers: [{name: a, type: hashivault, address: "http://127.0.0.1:8200", keys: [k], auth: {token: hunter2}}]`:      {"auth.token looks like a credential"},
	} {
		_, err := config.Parse([]byte(raw))
		if err == nil {
			t.Errorf("%s: accepted", raw)
			continue
		}
		for _, says := range want {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v\nsays nothing of %q", raw, err, says)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats the secret: %v", raw, err)
		}
	}
}

// What is of another kind than the setting is one mistake, not several.
func TestWhatCannotBeReadIsNotMissingBesides(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]byte(`key_providers: [{name: v, type: hashivault, address: "https://vault.example", auth: {token_file: t}, keys: [{name: a}]}]`))
	want := "config: plugins.ratify.key_providers[0].keys[0] is an object; write text"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
