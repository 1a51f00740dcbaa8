// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// workflowKey finds a script's workflow among its values.
type workflowKey struct{}

// workflow signs without a key of its own: a GitHub workflow that a Sigstore certifies.
type workflow struct {
	instance *sigstore.Instance
	signer   *sigstore.Signer
}

// setupCosign gives each script a workflow and the bundles, and cosign nothing to ask
// for a password.
func setupCosign(env *testscript.Env) error {
	env.Setenv("COSIGN_PASSWORD", "")
	bundles, err := filepath.Abs(filepath.Join(servetest.Product, "bundles"))
	if err != nil {
		return err
	}
	env.Setenv("BUNDLES", bundles)
	// Signatures are a minute old, so that the clocks of all verifiers are past them.
	ago := func() time.Time { return time.Now().Add(-time.Minute) }
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{Now: ago})
	if err != nil {
		return err
	}
	signer, err := instance.Certify(releaseWorkflow())
	env.Values[workflowKey{}] = &workflow{instance, signer}
	return err
}

func releaseWorkflow() sigstore.CertificateOptions {
	return sigstore.GitHub("acme/app", "release.yml", "refs/tags/v1")
}

// makeKey is the command `make-key KIND FILE`: it writes a private key for
// `cosign import-key-pair`, and FILE.pub with the public key.
func makeKey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: make-key KIND FILE")
	}
	key, err := sigstore.NewKey(sigstore.KeyOptions{Kind: signtest.KeyKind(args[0])})
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key.Key)
	ts.Check(err)
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(block), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".pub"), []byte(key.PEM()), 0o600))
}

// trustKeys is the command `trust-keys FILE KEY...`: it writes {"release": trust
// document} for files with public keys.
func trustKeys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: trust-keys FILE KEY...")
	}
	var keys []string
	for _, name := range args[1:] {
		keys = append(keys, ts.ReadFile(name))
	}
	writeRelease(ts, args[0], map[string]any{"cosign": map[string]any{"keys": keys}})
}

// trustWorkflow is the command `trust-workflow FILE`: it writes {"release": trust
// document} for the workflow.
func trustWorkflow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: trust-workflow FILE")
	}
	w := scriptWorkflow(ts)
	writeRelease(ts, args[0], w.instance.TrustDocument(w.signer.Identity()))
}

// startSigstore is the command `sigstore`: it serves the Sigstore that certifies the
// workflow at $SIGSTORE. cosign finds it there, or through signing_config.json
// (signing_config_v2.json: with the second version of the transparency log), and trusts
// trusted_root.json; $TOKEN proves that it runs in the workflow.
func startSigstore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: sigstore")
	}
	w := scriptWorkflow(ts)
	server := httptest.NewServer(w.instance.Handler())
	ts.Defer(server.Close)
	for name, version := range map[string]uint32{"signing_config.json": 1, "signing_config_v2.json": 2} {
		config, err := w.instance.SigningConfig(server.URL, version)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), config, 0o600))
	}
	root := w.instance.TrustedRootJSON(sigstore.TrustedRootOptions{})
	ts.Check(os.WriteFile(ts.MkAbs("trusted_root.json"), root, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("rekor.pub"), []byte(w.instance.Log.PEM()), 0o600))
	ts.Setenv("SIGSTORE_REKOR_PUBLIC_KEY", ts.MkAbs("rekor.pub"))
	ts.Setenv("SIGSTORE", server.URL)
	token, err := w.instance.Token(releaseWorkflow())
	ts.Check(err)
	ts.Setenv("TOKEN", token)
}

// signByWorkflow is the command `sign-by-workflow [bundle|tag] REPOSITORY`: the workflow
// signs the image pushed last.
func signByWorkflow(ts *testscript.TestScript, neg bool, args []string) {
	layouts := map[string]sigstore.Layout{"bundle": sigstore.Bundle, "tag": sigstore.Tag}
	r := scriptRegistry(ts)
	if neg || len(args) != 2 || layouts[args[0]] == "" || strings.ContainsAny(args[1], ":@") || r.Registry == nil {
		ts.Fatalf("usage: sign-by-workflow bundle|tag REPOSITORY, after registry and push")
	}
	o := sigstore.SignOptions{Layout: layouts[args[0]]}
	_, err := scriptWorkflow(ts).signer.SignAndAttach(context.Background(), r.Registry, args[1], r.last, o)
	ts.Check(err)
}

func scriptWorkflow(ts *testscript.TestScript) *workflow {
	w, ok := ts.Value(workflowKey{}).(*workflow)
	if !ok {
		ts.Fatalf("script was not set up")
	}
	return w
}

func writeRelease(ts *testscript.TestScript, name string, document map[string]any) {
	raw, err := json.MarshalIndent(map[string]any{"release": document}, "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), raw, 0o600))
}
