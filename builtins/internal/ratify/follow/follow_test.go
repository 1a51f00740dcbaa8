// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/cluster"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/follow"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/kubetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// process is a host that notes what it is told.
type process struct {
	mu        sync.Mutex
	adopted   *standing.Outcome
	waits     string
	condition follow.Condition
	providers map[string]follow.Provider
	refuse    error
}

func (p *process) Adopt(_ context.Context, o *standing.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse == nil {
		p.adopted = o
	}
	return p.refuse
}

func (p *process) Wait(_ context.Context, why string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = why
	return nil
}

func (p *process) Say(c follow.Condition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.condition = c
}

func (p *process) Keys(name string) (follow.Provider, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.providers[name]
	return found, ok
}

func (*process) Warn(error) {}

// scopes are those of the policies in force.
func (p *process) scopes() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.adopted == nil {
		return nil
	}
	scopes := []any{}
	policies, _ := p.adopted.Trust["policies"].([]any)
	for _, policy := range policies {
		scopes = append(scopes, policy.(map[string]any)["signers"].([]any)...)
	}
	return scopes
}

func (p *process) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *process) said() follow.Condition {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.condition
}

// start follows until the test ends.
func start(t *testing.T, api *kubetest.API) (*process, *follow.Follower) {
	t.Helper()
	client, err := cluster.New(cluster.Options{Kubeconfig: api.Kubeconfig(t)})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{providers: map[string]follow.Provider{}, condition: follow.Unread(), waits: follow.Unread().Message}
	f := follow.Start(follow.Options{
		Client: client, Host: p, Resync: time.Hour,
		Standing: standing.Options{
			Translate: translate.Options{Added: true, Certificates: translate.CertificateFiles},
			Parse: func(raw []byte) error {
				_, err := trust.Parse(raw, trust.Options{Now: time.Now})
				return err
			},
		},
	})
	t.Cleanup(f.Stop)
	return p, f
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	const patience = 30 * time.Second
	ticker, timeout := time.NewTicker(5*time.Millisecond), time.NewTimer(patience)
	defer ticker.Stop()
	defer timeout.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-timeout.C:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func certificate(t *testing.T) map[string]any {
	t.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"type": "inline", "parameters": map[string]any{"contentType": "certificate", "value": string(ca.PEM())}}
}

func verifier(provider string) map[string]any {
	return map[string]any{
		"name": "notation", "artifactTypes": "application/vnd.cncf.notary.signature",
		"parameters": map[string]any{
			"verificationCertStores": map[string]any{"certs": []any{provider}},
			"trustPolicyDoc": map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
				"name": "default", "registryScopes": []any{"*"}, "signatureVerification": map[string]any{"level": "strict"},
				"trustStores": []any{"ca:certs"}, "trustedIdentities": []any{"*"},
			}}},
		},
	}
}

// apply puts a certificate, a verifier by it and a store, as the walkthroughs do.
func apply(t *testing.T, api *kubetest.API) {
	t.Helper()
	api.Apply("KeyManagementProvider", "", "ratify-notation-inline-cert", certificate(t))
	api.Apply("Verifier", "", "verifier-notation", verifier("ratify-notation-inline-cert"))
	api.Apply("Store", "", "store-oras", map[string]any{"name": "oras", "parameters": map[string]any{"cosignEnabled": true}})
}

func (p *process) trusts(names ...any) func() bool {
	return func() bool { return cmp.Equal(append([]any{}, names...), p.scopes()) }
}

func status(api *kubetest.API, kind, name string, want map[string]any) func() bool {
	return func() bool {
		got := api.Status(kind, "", name)
		for field, value := range want {
			text, isText := value.(string)
			found, _ := got[field].(string)
			if isText && (text == "" && got[field] != nil || !strings.Contains(found, text)) || !isText && got[field] != value {
				return false
			}
		}
		return true
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t, "ratify", "ratify")
	apply(t, api)
	p, _ := start(t, api)
	eventually(t, "trust", p.trusts("verifier-notation"))
	eventually(t, "no complaint", func() bool { return p.said() == follow.Condition{} })
	good := map[string]any{"issuccess": true, "error": "", "brieferror": ""}
	eventually(t, "status of the verifier", status(api, "Verifier", "verifier-notation", good))
	eventually(t, "status of the store", status(api, "Store", "store-oras", good))
	eventually(t, "time of the provider", func() bool {
		return api.Status("KeyManagementProvider", "", "ratify-notation-inline-cert")["lastfetchedtime"] != nil
	})

	// A bad update changes the status and nothing else.
	before := p.adopted.Trust
	api.Apply("Verifier", "", "verifier-notation", map[string]any{"name": "licensechecker", "artifactTypes": "application/vnd.ratify.spdx.v0"})
	eventually(t, "status of a bad verifier", status(api, "Verifier", "verifier-notation", map[string]any{
		"issuccess": false, "error": "PLUGIN_NOT_FOUND: plugin not found", "brieferror": "PLUGIN_NOT_FOUND: plugin not found",
	}))
	eventually(t, "an event", func() bool { return len(api.Events()) == 1 && strings.Contains(api.Events()[0], "licensechecker") })
	p.mu.Lock()
	if diff := cmp.Diff(before, p.adopted.Trust); diff != "" {
		t.Errorf("the bad update counts (-want +got):\n%s", diff)
	}
	p.mu.Unlock()
	api.Apply("Verifier", "", "verifier-notation", verifier("ratify-notation-inline-cert"))
	eventually(t, "status of a corrected verifier", status(api, "Verifier", "verifier-notation", good))

	// What is deleted is gone.
	api.Apply("Verifier", "", "verifier-notation", nil)
	eventually(t, "trust without a verifier", p.trusts())
	api.Apply("Verifier", "", "verifier-notation", verifier("ratify-notation-inline-cert"))
	eventually(t, "trust again", p.trusts("verifier-notation"))
}

// Until the cluster was read nothing is trusted; later what was read stays.
func TestServerAway(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t, "ratify", "ratify")
	apply(t, api)
	api.Down(true)
	p, _ := start(t, api)
	eventually(t, "reason", func() bool { return p.said().Waiting && strings.Contains(p.said().Message, "the server is down") })
	if p.scopes() != nil || !strings.Contains(p.waits, "have not been read yet") {
		t.Errorf("trust %v, waits %q", p.scopes(), p.waits)
	}
	api.Down(false)
	eventually(t, "trust", p.trusts("verifier-notation"))
	eventually(t, "no complaint", func() bool { return p.said() == follow.Condition{} })

	api.Down(true)
	api.Apply("Verifier", "", "verifier-notation", nil)
	eventually(t, "complaint", func() bool { return strings.HasPrefix(p.said().Message, "the last good resources stay in force: ") })
	if p.said().Waiting || !p.trusts("verifier-notation")() {
		t.Errorf("%+v, trust %v", p.said(), p.scopes())
	}
	api.Down(false)
	eventually(t, "news", p.trusts())
}

func TestHostRefuses(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t, "ratify", "ratify")
	p, _ := start(t, api)
	eventually(t, "an empty cluster", p.trusts())
	p.set(func() { p.refuse = errors.New("no service") })
	apply(t, api)
	eventually(t, "complaint", func() bool { return strings.Contains(p.said().Message, "no service") })
	if !p.trusts()() {
		t.Errorf("trust %v", p.scopes())
	}
}

// Replicas that say the same write once; the time of a fetch is written when it
// is worth it.
func TestReplicas(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t, "ratify", "ratify")
	apply(t, api)
	first, _ := start(t, api)
	eventually(t, "trust", first.trusts("verifier-notation"))
	eventually(t, "statuses", func() bool { return api.Patches() == 3 })
	second, _ := start(t, api)
	eventually(t, "trust", second.trusts("verifier-notation"))
	api.Apply("Policy", "", "ratify-policy", map[string]any{"type": "config-policy", "parameters": map[string]any{"artifactVerificationPolicies": map[string]any{"default": "any"}}})
	eventually(t, "the policy's status", status(api, "Policy", "ratify-policy", map[string]any{"issuccess": true}))
	for _, resource := range [][2]string{{"Verifier", "verifier-notation"}, {"Store", "store-oras"}} {
		if s := api.Status(resource[0], "", resource[1]); s["issuccess"] != true {
			t.Errorf("%v: %v", resource, s)
		}
	}
	if n := api.Patches(); n > 5 {
		t.Errorf("%d statuses were written for 4 resources", n)
	}
}

func TestKeysShowInTheStatus(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t, "ratify", "ratify")
	api.Apply("KeyManagementProvider", "", "akv", map[string]any{"type": "azurekeyvault", "parameters": map[string]any{
		"vaultURI": "https://acme.vault.azure.net/", "tenantID": "t", "clientID": "c", "certificates": []any{map[string]any{"name": "ca"}},
	}})
	p, f := start(t, api)
	eventually(t, "trust", p.trusts())
	if s := api.Status("KeyManagementProvider", "", "akv"); s != nil {
		t.Errorf("there is a status before the first fetch: %v", s)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hold := func(version string, at time.Time, err error) {
		p.set(func() {
			p.providers["KeyManagementProvider/akv"] = follow.Provider{
				Status: keys.Status{Since: at, Err: err}, Interval: time.Hour,
				Keys: []keys.Held{{Name: "ca", Version: version, Enabled: true, Certificate: true, Seen: at}},
			}
		})
		f.KeysFetched()
	}
	version := func(want string, at time.Time) func() bool {
		return func() bool {
			s := api.Status("KeyManagementProvider", "", "akv")
			properties := map[string]any{"Certificates": []any{map[string]any{"Name": "ca", "Version": want, "Enabled": true, "LastRefreshed": at.Format(time.RFC3339)}}}
			return cmp.Equal(s["properties"], any(properties)) && s["lastfetchedtime"] == at.Format(time.RFC3339)
		}
	}
	hold("v1", at, nil)
	eventually(t, "version", version("v1", at))
	hold("v2", at.Add(time.Minute), nil)
	eventually(t, "another version", version("v2", at.Add(time.Minute)))
	written := api.Patches()
	hold("v2", at.Add(2*time.Minute), nil) // another replica's fetch, as good as this one's
	hold("v2", at.Add(2*time.Hour), nil)
	eventually(t, "a later fetch", version("v2", at.Add(2*time.Hour)))
	if n := api.Patches() - written; n != 1 {
		t.Errorf("%d statuses were written for one time that is worth it", n)
	}
	hold("v2", at.Add(2*time.Hour), errors.New("no such host"))
	eventually(t, "a failure", status(api, "KeyManagementProvider", "akv", map[string]any{"issuccess": false, "error": "KEY_MANAGEMENT_PROVIDER_FAILURE: no such host"}))
}
