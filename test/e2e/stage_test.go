// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// script says what a scenario needs.
type script struct {
	name      string   // of its namespace, Provider and constraint. Required.
	namespace string   // other than name
	data      object   // data.trust of the bundle: policies, documents, …
	bundle    string   // folder in bundles; "": gatekeeper
	args      []string // of opa-ratify, in place of "-b <bundle>"
	config    object   // plugins.ratify
	env       []string // of opa-ratify, besides this process's
	wrapper   string   // runs opa-ratify; "": it is run as it is
	enforce   string   // enforcementAction; "": deny
	spec      object   // replaces fields of the constraint's spec
	mutate    bool     // apply bundles/gatekeeper/kubernetes/assign
	patience  patience // zero: more than two busy processors need
}

// patience is who waits how long. The webhooks wait for 10 s.
type patience struct{ verify, mutate int }

// stage is what one scenario has of its own: a namespace, opa-ratify, and the Gatekeeper
// objects that are shipped in bundles/gatekeeper, narrowed to that namespace.
type stage struct {
	*world

	script script
	dir    string
	bundle string
	ns     string
	// provider is opa-ratify, nil while it does not run.
	provider     *servetest.Server
	options      servetest.Options
	providerCA   *servetest.Authority
	certificates servetest.Certificates

	pods *atomic.Int64
}

// stage starts opa-ratify, and returns when Gatekeeper asks it about every pod.
func (w *world) stage(t *testing.T, s script) *stage {
	t.Helper()
	st := w.prepare(t, s)
	st.serve(t)
	st.connect(t)
	return st
}

// prepare writes bundle, configuration and certificates, and makes the namespace.
func (w *world) prepare(t *testing.T, s script) *stage {
	t.Helper()
	if s.patience == (patience{}) {
		s.patience = patience{verify: 8, mutate: 6}
	}
	st := &stage{world: w, script: s, pods: new(atomic.Int64), ns: cmp.Or(s.namespace, s.name), dir: filepath.Join(w.dir, "stage-"+s.name+"-"+cmp.Or(s.namespace, s.name))}
	fatal(t, os.MkdirAll(st.dir, 0o700))
	st.bundle = w.copyBundle(t, cmp.Or(s.bundle, "gatekeeper"), filepath.Join(st.dir, "bundle"), s.data)
	st.newCertificate(t)
	w.newNamespace(t, st.ns)

	args := s.args
	if args == nil {
		args = []string{"-b", st.bundle}
	}
	log, err := os.OpenFile(filepath.Join(st.dir, "opa-ratify.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	fatal(t, err)
	t.Cleanup(func() { _ = log.Close() })
	st.options = servetest.Options{
		Binary: cmp.Or(s.wrapper, w.product), Certificates: &st.certificates, Address: freeAddress(t), Output: log, Env: append(os.Environ(), s.env...),
		Args: append([]string{"--log-level", "info", "--tls-cert-refresh-period", "500ms", "-c", st.configure(t)}, args...),
	}
	return st
}

// copyBundle copies a folder of bundles, with data in the place of its data.yaml.
func (w *world) copyBundle(t *testing.T, name, to string, data object) string {
	t.Helper()
	fatal(t, os.CopyFS(to, os.DirFS(filepath.Join(servetest.Product, "bundles", name))))
	fatal(t, os.RemoveAll(filepath.Join(to, "kubernetes")))
	writeData(t, to, data)
	return to
}

// writeData is what a user edits: the one file of data.
func writeData(t *testing.T, bundle string, data object) {
	t.Helper()
	full := object{"policies": []any{}, "documents": object{}, "namespaces": object{}, "exemptions": object{}, "sbom": object{}, "vulnerability": object{}}
	maps.Copy(full, data)
	raw, err := json.Marshal(full)
	fatal(t, err)
	fatal(t, os.WriteFile(filepath.Join(bundle, "trust", "data.yaml"), raw, 0o600)) // JSON is YAML
	fatal(t, os.RemoveAll(filepath.Join(bundle, "trust", "namespaces")))            // those shipped as examples
}

func (st *stage) configure(t *testing.T) string {
	t.Helper()
	ratify := object{"gatekeeper": object{
		"timeout":          fmt.Sprintf("%dms", st.script.patience.verify*1000-200),
		"mutation_timeout": fmt.Sprintf("%dms", st.script.patience.mutate*1000-100),
	}}
	full := object{"plugins": object{"ratify": ratify}}
	maps.Copy(ratify, st.script.config)
	for _, name := range []string{"services", "bundles", "keys"} { // these are OPA's own
		if value, ok := ratify[name]; ok {
			full[name] = value
			delete(ratify, name)
		}
	}
	raw, err := json.MarshalIndent(full, "", "  ")
	fatal(t, err)
	file := filepath.Join(st.dir, "config.yaml")
	fatal(t, os.WriteFile(file, raw, 0o600))
	return file
}

// newCertificate makes a new CA and the provider's certificate.
func (st *stage) newCertificate(t *testing.T) {
	t.Helper()
	var err error
	st.providerCA, err = servetest.NewAuthority("e2e provider")
	fatal(t, err)
	st.certificates = servetest.Certificates{
		CA:         st.gatekeeper.caFile,
		ServerCert: filepath.Join(st.dir, "tls.crt"), ServerKey: filepath.Join(st.dir, "tls.key"),
		ClientCert: filepath.Join(st.gatekeeper.certificates, "tls.crt"), ClientKey: filepath.Join(st.gatekeeper.certificates, "tls.key"),
	}
	st.issue(t)
}

// issue replaces the provider's certificate by one of its CA.
func (st *stage) issue(t *testing.T) {
	t.Helper()
	fatal(t, st.providerCA.Issue(st.certificates.ServerCert, st.certificates.ServerKey, pkix.Name{CommonName: "opa-ratify"}))
}

// newNamespace makes a namespace with the service account that a controller would add.
func (w *world) newNamespace(t *testing.T, name string) {
	t.Helper()
	w.apply(t,
		object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}},
		object{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object{"name": "default", "namespace": name}})
}

// serve starts opa-ratify, at the same address every time.
func (st *stage) serve(t *testing.T) {
	t.Helper()
	var err error
	st.provider, err = servetest.Start(t.Context(), st.options)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(st.dir, "opa-ratify.log"))
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(st.provider.Stop)
}

// connect applies the Gatekeeper objects one after the other, and waits for each to bite.
func (st *stage) connect(t *testing.T) {
	t.Helper()
	st.applyProviders(t, st.providerCA.PEM())
	st.enforce(t)
}

// enforce applies constraint and mutators.
func (st *stage) enforce(t *testing.T) {
	t.Helper()
	constraint := st.constraint(t)
	st.apply(t, constraint)
	t.Cleanup(func() { st.withdraw(t, constraint) })
	if st.script.enforce == "" {
		st.untilRefused(t, st.registry+"/nowhere:v1", "["+st.script.name+"]")
	}
	if st.script.mutate {
		assigns := st.assigns(t)
		st.apply(t, assigns...)
		t.Cleanup(func() { st.withdraw(t, assigns...) })
	}
}

// in is the stage seen from another namespace.
func (st *stage) in(namespace string) *stage {
	other := *st
	other.ns = namespace
	return &other
}
