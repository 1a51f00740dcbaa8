// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/cmd"
	"github.com/open-policy-agent/opa/v1/rego"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/command/migrate"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// scene is a registry with images that different people signed, and the files of
// a Ratify that trusts some of them.
type scene struct {
	registry *registrytest.Registry
	ca       *signtest.CA
	a, b     *sigstore.Signer
}

// newScene pushes one image to each repository, signed by those that the last
// part of its name lists: a and b are keys, n is a certificate of ca, x one of a
// stranger, s an SBOM that nobody signed.
func newScene(t *testing.T, repositories ...string) *scene {
	t.Helper()
	s := &scene{registry: registrytest.Start(t, registrytest.Options{})}
	var err error
	s.ca, err = signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	stranger, err := signtest.NewCA(signtest.CAOptions{CommonName: "stranger"})
	fatal(t, err)
	s.a, err = sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	s.b, err = sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	for _, repository := range repositories {
		image, err := s.registry.PushImage(t.Context(), repository, "v1")
		fatal(t, err)
		var signatures []*sigstore.Signature
		for who := range strings.SplitSeq(repository[strings.LastIndex(repository, "/")+1:], "-") {
			switch who {
			case "a":
				signatures = append(signatures, s.signature(t, s.a, repository, image))
			case "b":
				signatures = append(signatures, s.signature(t, s.b, repository, image))
			case "n":
				s.notation(t, s.ca, repository, image)
			case "x":
				s.notation(t, stranger, repository, image)
			case "s":
				s.sbom(t, repository, image)
			}
		}
		if len(signatures) > 0 {
			_, err := sigstore.AttachAll(t.Context(), s.registry, repository, image, signatures)
			fatal(t, err)
		}
	}
	return s
}

func (s *scene) signature(t *testing.T, signer *sigstore.Signer, repository string, image ocispec.Descriptor) *sigstore.Signature {
	t.Helper()
	sig, err := signer.Sign(image, sigstore.SignOptions{Layout: sigstore.Tag, Reference: s.registry.Host() + "/" + repository})
	fatal(t, err)
	return sig
}

func (s *scene) notation(t *testing.T, ca *signtest.CA, repository string, image ocispec.Descriptor) {
	t.Helper()
	leaf, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	_, err = leaf.SignAndAttach(t.Context(), s.registry, repository, image, signtest.SignOptions{})
	fatal(t, err)
}

func (s *scene) sbom(t *testing.T, repository string, image ocispec.Descriptor) {
	t.Helper()
	blob, err := s.registry.PushBlob(t.Context(), repository, []byte(`{}`))
	fatal(t, err)
	blob.MediaType = "application/spdx+json"
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/spdx+json",
		Config: ocispec.DescriptorEmptyJSON, Layers: []ocispec.Descriptor{blob}, Subject: &image,
	})
	fatal(t, err)
	_, err = s.registry.PushManifest(t.Context(), repository, "", ocispec.MediaTypeImageManifest, raw, []byte(`{}`))
	fatal(t, err)
}

// migrated runs the command on resources, in which HOST and the names of keys
// stand for those of the scene, and returns the folder of the bundle.
func (s *scene) migrated(t *testing.T, resources string) string {
	t.Helper()
	file, out := filepath.Join(t.TempDir(), "ratify.yaml"), filepath.Join(t.TempDir(), "trust")
	text := strings.NewReplacer(
		"HOST", s.registry.Host(), "KEY-A", indent(s.a.PEM()), "KEY-B", indent(s.b.PEM()), "CERT", indent(string(s.ca.PEM())),
	).Replace(resources)
	fatal(t, os.WriteFile(file, []byte(text), 0o600))
	c := migrate.Command()
	var said bytes.Buffer
	c.SetOut(&said)
	c.SetErr(&said)
	c.SetArgs([]string{file, "-o", out})
	err := c.ExecuteContext(t.Context())
	if exit, ok := errors.AsType[*cmd.ExitError](err); err != nil && (!ok || exit.Exit == 2) {
		t.Fatalf("%v\n%s", err, said.String())
	}
	raw, err := os.ReadFile(filepath.Join(out, "config.yaml"))
	fatal(t, err)
	readable(t, "config.yaml", raw)
	return out
}

func indent(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n          ")
}

// allowed asks the bundle.
func (s *scene) allowed(t *testing.T, bundle, repository, namespace string) (allowed bool, why string) {
	t.Helper()
	image := s.registry.Host() + "/" + repository + ":v1"
	input := map[string]any{"image": image, "namespace": namespace, "key": image, "operation": "verify"}
	results, err := rego.New(rego.Query("x := data.trust"), rego.LoadBundle(bundle), rego.Input(input)).Eval(context.Background())
	fatal(t, err)
	answer, ok := results[0].Bindings["x"].(map[string]any)
	if !ok {
		t.Fatalf("data.trust is %v", results)
	}
	return answer["allow"] == true, fmt.Sprint(answer["reasons"])
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	keyA = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: KeyManagementProvider
metadata: {name: key-a}
spec:
  type: inline
  parameters:
    contentType: key
    value: |
          KEY-A
---`
	keyB = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: KeyManagementProvider
metadata: {name: key-b}
spec:
  type: inline
  parameters:
    contentType: key
    value: |
          KEY-B
---`
	certificate = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: KeyManagementProvider
metadata: {name: cert}
spec:
  type: inline
  parameters:
    contentType: certificate
    value: |
          CERT
---`
	notationVerifier = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: Verifier
metadata: {name: verifier-notation}
spec:
  name: notation
  artifactTypes: application/vnd.cncf.notary.signature
  parameters:
    verificationCertStores: {certs: [cert]}
    trustPolicyDoc:
      version: "1.0"
      trustPolicies:
        - name: default
          registryScopes: ["*"]
          signatureVerification: {level: strict}
          trustStores: ["ca:certs"]
          trustedIdentities: ["*"]
---`
	cosignOfA = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: Verifier
metadata: {name: verifier-cosign}
spec:
  name: cosign
  artifactTypes: application/vnd.dev.cosign.artifact.sig.v1+json
  parameters:
    trustPolicies:
      - {name: a, scopes: ["*"], keys: [{provider: key-a}], tLogVerify: false}
---`
	store = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: Store
metadata: {name: store-oras}
spec: {name: oras, parameters: {cosignEnabled: true}}
---`
	policyOf = `
apiVersion: config.ratify.deislabs.io/v1beta1
kind: Policy
metadata: {name: ratify-policy}
spec:
  type: config-policy
  parameters:
    artifactVerificationPolicies: `
	executorOf = `
apiVersion: config.ratify.sh/v2beta1
kind: Executor
metadata: {name: one}
spec:
  scopes: [HOST]
  stores: [{type: registry-store, parameters: {allowCosignTag: true, credential: {provider: static}}}]
  verifiers:
  - name: a
    type: cosign
    parameters:
     trustPolicies:
     - ignoreTLog: true
       ignoreObserverTimestamps: true
       keys:
        inline: |
          KEY-A
  - name: n
    type: notation
    parameters:
     certificates:
     - type: ca
       inline: |
          CERT
  policyEnforcer: {type: threshold-policy, parameters: {policy: `
)

// TestVerdicts: the bundle admits what Ratify would, and denies the rest.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, resources string
		admits, denies  []string // repositories, [namespace]repository
	}{
		{
			name:      "one format, all signatures",
			resources: certificate + notationVerifier + store + policyOf + `{default: all}`,
			admits:    []string{"n", "n-a"}, denies: []string{"none", "x", "n-x", "a"},
		},
		{
			name:      "one format, any signature",
			resources: certificate + notationVerifier + store + policyOf + `{default: any}`,
			admits:    []string{"n", "n-x"}, denies: []string{"none", "x"},
		},
		{
			name:      "two formats, what is there must be good",
			resources: certificate + keyA + notationVerifier + cosignOfA + store + policyOf + `{default: all}`,
			admits:    []string{"n", "a", "n-a", "a-b"}, denies: []string{"none", "x", "b", "n-b", "x-a"},
		},
		{
			name:      "two formats, both demanded",
			resources: certificate + keyA + notationVerifier + cosignOfA + store + policyOf + `{application/vnd.cncf.notary.signature: any, application/vnd.dev.cosign.artifact.sig.v1+json: any}`,
			admits:    []string{"n-a", "n-x-a"}, denies: []string{"n", "a", "n-b", "x-a", "none"},
		},
		{
			name:      "one format demanded, the other if it is there",
			resources: certificate + keyA + notationVerifier + cosignOfA + store + policyOf + `{application/vnd.cncf.notary.signature: all}`,
			admits:    []string{"n", "n-a"}, denies: []string{"a", "n-b", "n-x", "none"},
		},
		{
			name: "keys by scope",
			resources: keyA + keyB + strings.Replace(cosignOfA, `- {name: a, scopes: ["*"]`, `- {name: b, scopes: ["HOST/team/*"], keys: [{provider: key-b}], tLogVerify: false}
      - {name: a, scopes: ["*"]`, 1) + store,
			admits: []string{"a", "a-b", "team/b", "team/a-b"}, denies: []string{"b", "team/a", "none"},
		},
		{
			name:      "keys for some scopes alone",
			resources: keyA + certificate + notationVerifier + strings.Replace(cosignOfA, `"*"`, `"HOST/team/*"`, 1) + store,
			admits:    []string{"n", "team/a"}, denies: []string{"a", "n-a", "n-b", "team/b"},
		},
		{
			name:      "an SBOM that a verifier would judge",
			resources: certificate + notationVerifier + "\napiVersion: config.ratify.deislabs.io/v1beta1\nkind: Verifier\nmetadata: {name: verifier-sbom}\nspec: {name: sbom, artifactTypes: application/spdx+json}\n---" + store,
			admits:    []string{"n", "n-a"}, denies: []string{"n-s", "none"},
		},
		{
			name:      "the chart without a key for Cosign",
			resources: "notationCerts:\n  - |\n          CERT\n",
			admits:    []string{"n"}, denies: []string{"n-a", "a", "n-x", "none"},
		},
		{
			name:      "a namespace with verifiers of its own",
			resources: keyA + certificate + notationVerifier + strings.Replace(cosignOfA, "kind: Verifier\nmetadata: {", "kind: NamespacedVerifier\nmetadata: {namespace: team-a, ", 1) + store,
			admits:    []string{"n", "[team-a]a", "[team-b]n"}, denies: []string{"a", "[team-a]b", "[team-b]a", "[team-a]x"},
		},
		{
			name:      "a policy in Rego",
			resources: certificate + notationVerifier + "\napiVersion: config.ratify.deislabs.io/v1beta1\nkind: Policy\nmetadata: {name: ratify-policy}\nspec: {type: rego-policy, parameters: {policy: package ratify.policy}}\n",
			denies:    []string{"n", "none"},
		},
		{
			name:      "an executor that demands one of two",
			resources: executorOf + "{threshold: 1, rules: [{verifierName: a}, {verifierName: n}]}}}",
			admits:    []string{"n", "a", "n-x", "n-b"}, denies: []string{"none", "x", "b"},
		},
		{
			name:      "an executor that demands both",
			resources: executorOf + "{rules: [{verifierName: a}, {verifierName: n}]}}}",
			admits:    []string{"n-a", "n-x-a"}, denies: []string{"n", "a", "n-b", "x-a", "none"},
		},
		{
			name:      "an executor for one repository",
			resources: strings.Replace(executorOf, "scopes: [HOST]", "scopes: [HOST/team/a]", 1) + "{rules: [{verifierName: a}]}}}",
			admits:    []string{"team/a"}, denies: []string{"a", "team/a-b", "team/a/a"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, repositories(append(tt.admits, tt.denies...))...)
			bundle := s.migrated(t, tt.resources)
			for _, image := range tt.admits {
				if ok, why := s.allowed(t, bundle, repository(image), namespace(image)); !ok {
					t.Errorf("%s is denied: %s", image, why)
				}
			}
			for _, image := range tt.denies {
				if ok, _ := s.allowed(t, bundle, repository(image), namespace(image)); ok {
					t.Errorf("%s is admitted", image)
				}
			}
		})
	}
}

// repository is the part of "[namespace]repository" after the brackets.
func repository(image string) string { return image[strings.Index(image, "]")+1:] }

func namespace(image string) string {
	before, _, found := strings.Cut(image, "]")
	if !found {
		return ""
	}
	return before[1:]
}

func repositories(images []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, image := range images {
		if r := repository(image); !seen[r] {
			seen[r] = true
			all = append(all, r)
		}
	}
	return all
}
