// SPDX-License-Identifier: Apache-2.0

package service_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

// vaultWorld is a Vault with two versions of a key, an image signed by each, and a
// service whose clock the test moves on.
type vaultWorld struct {
	*testing.T

	vault    *vaulttest.Vault
	registry *registrytest.Registry
	service  *service.Service
	passed   atomic.Int64
}

func newVaultWorld(t *testing.T) *vaultWorld {
	t.Helper()
	w := &vaultWorld{T: t, vault: &vaulttest.Vault{Token: "hvs.given"}, registry: registrytest.Start(t, registrytest.Options{})}
	key := vaulttest.Key{Type: "ecdsa-p256"}
	for i := range 2 {
		signer, err := sigstore.NewKey(sigstore.KeyOptions{})
		fatal(t, err)
		key.Versions = append(key.Versions, signer.PEM())
		repo := fmt.Sprintf("v%d", i+1)
		var image ocispec.Descriptor
		image, err = w.registry.PushImage(t.Context(), repo, "latest")
		fatal(t, err)
		_, err = signer.SignAndAttach(t.Context(), w.registry, repo, image, sigstore.SignOptions{})
		fatal(t, err)
	}
	w.vault.Keys = map[string]vaulttest.Key{"release": key}
	server := httptest.NewServer(w.vault)
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	fatal(t, os.WriteFile(token, []byte("hvs.given"), 0o600))
	began := time.Now()
	w.service = newService(t, func(c *config.Config) {
		c.KeyProviders = []config.KeyProvider{{
			Name: "vault", Type: config.KeysVault, RefreshInterval: time.Minute, MaxStale: time.Hour,
			Vault: config.VaultKeys{Address: server.URL, Keys: []string{"release"}, Auth: config.VaultAuth{TokenFile: token}},
		}}
	}, service.Deps{Now: func() time.Time { return began.Add(time.Duration(w.passed.Load())) }})
	return w
}

// verdict is what the service says of an image, trusting a version of the key.
func (w *vaultWorld) verdict(repo, version string) *report.Report {
	w.Helper()
	doc, err := w.service.ParseTrust(w.Context(), fmt.Appendf(nil, `{"cosign": {"keys": [{"provider": "vault", "name": "release", "version": %q}]}}`, version))
	fatal(w.T, err)
	return w.service.Verify(w.Context(), verify.Request{Image: w.registry.Host() + "/" + repo + ":latest", Trust: doc})
}

// after moves the clock and changes the Vault, and waits until it was asked again.
func (w *vaultWorld) after(d time.Duration, how func(*vaulttest.Vault)) {
	w.Helper()
	w.vault.Change(how)
	w.passed.Add(int64(d))
	before := w.vault.Requests()
	w.verdict("v1", "")
	w.eventually(func() bool { return w.vault.Requests() > before }, "the Vault is asked")
}

// eventually waits for what happens in the background.
func (w *vaultWorld) eventually(condition func() bool, what string) {
	w.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if condition() {
			return
		}
		<-tick.C
	}
	w.Errorf("never: %s", what)
}

func (w *vaultWorld) want(repo, version string, want report.Verdict, says string) {
	w.Helper()
	w.eventually(func() bool { // the fetch ends some time after the request
		r := w.verdict(repo, version)
		return r.Verdict == want && strings.Contains(fmt.Sprint(r.Errors), says)
	}, fmt.Sprintf("%s by version %q is %s %s", repo, version, want, says))
}

func TestKeysOfAService(t *testing.T) {
	t.Parallel()
	w := newVaultWorld(t)
	const verified, rejected, inconclusive = report.Verified, report.Rejected, report.Inconclusive
	w.want("v1", "", rejected, "")
	w.want("v2", "", verified, "")
	w.want("v1", "1", verified, "")
	w.want("v1", "all enabled", verified, "")
	w.want("v2", "all enabled", verified, "")
	w.want("v2", "3", rejected, `key provider "vault": "release" version "3": `)
	if r := w.verdict("v1", "all enabled"); r.Signatures[0].Signer.Key != "release@1" {
		t.Errorf("signer %+v", r.Signatures[0].Signer)
	}

	// A version that the service withdraws counts no more, at once.
	w.after(time.Minute, func(v *vaulttest.Vault) {
		k := v.Keys["release"]
		k.Oldest = 2
		v.Keys["release"] = k
	})
	w.want("v1", "all enabled", rejected, "")
	w.want("v1", "1", rejected, `"release" version "1": it has no version "1"; there are "2"`)
	w.want("v2", "all enabled", verified, "")

	// An outage takes nothing away until max_stale, and is seen.
	w.after(time.Minute, func(v *vaulttest.Vault) { v.Status = http.StatusServiceUnavailable })
	w.eventually(func() bool {
		st := w.service.KeyProviders()[0]
		return st.Keys == 1 && st.Err != nil && strings.Contains(st.Err.Error(), "503 Vault is sealed")
	}, "the status shows the outage")
	w.want("v2", "", verified, "")
	w.after(time.Hour+time.Minute, func(*vaulttest.Vault) {})
	w.want("v2", "", inconclusive, "longer ago than max_stale allows: read key release: 503 Vault is sealed")

	w.after(time.Minute, func(v *vaulttest.Vault) { v.Status = 0 })
	w.want("v2", "", verified, "")
	w.after(time.Minute, func(v *vaulttest.Vault) { v.Keys = nil })
	w.want("v2", "", rejected, "read key release: 404 Not Found")
}
