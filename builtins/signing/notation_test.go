// SPDX-License-Identifier: Apache-2.0

package signing_test

import (
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/notaryproject/notation-core-go/signature/cose" // register
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // register
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/plugin"
	"github.com/notaryproject/notation-go/signer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/alibabacloudkms"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	verifier "github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/builtins/signing"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

var subject = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("the image"), Size: 9}

// install builds the plugin where notation looks for it.
func install(t *testing.T) *plugin.CLIManager {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, signing.Name, "notation-"+signing.Name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/opa-ratify/opa-ratify/cmd/notation-alibabacloud.secretmanager.plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return plugin.NewCLIManager(dir.NewSysFS(root))
}

// The unmodified plugin signs by way of notation's plugin manager, and a trust
// document that names the key in KMS verifies it.
func TestSignByPluginAndVerifyByKey(t *testing.T) {
	manager := install(t)
	for _, tt := range []struct {
		spec, mediaType string
		raw             bool
	}{
		{"RSA_2048", verifier.MediaTypeJWS, false},
		{"RSA_2048", verifier.MediaTypeCOSE, false},
		{"EC_P256", verifier.MediaTypeJWS, false},
		{"EC_P256", verifier.MediaTypeCOSE, true},
	} {
		t.Run(tt.spec+" "+tt.mediaType, func(t *testing.T) {
			cloud := cloudtest.NewAlibaba(t)
			cloud.RawECDSA = tt.raw
			proxy := cloudtest.Start(t, cloud.Hosts())
			for _, pair := range proxy.Env() {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", cloudtest.AlibabaKeyID)
			t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", cloudtest.AlibabaKeySecret)
			t.Setenv("ALIBABA_CLOUD_KMS_REGION_ID", "cn-beijing")
			cloud.AddKey(t, "key-1", tt.spec)
			cloud.AddKey(t, "key-2", tt.spec)
			certificates := t.TempDir()
			first, second := sign(t, manager, "key-1", tt.mediaType, certificates), sign(t, manager, "key-1", tt.mediaType, certificates)
			if !first.certificate.Equal(second.certificate) {
				t.Error("the second signature has another certificate")
			}
			t.Chdir(t.TempDir()) // without a setting the certificate goes to where notation runs
			third := sign(t, manager, "key-1", tt.mediaType, "")
			if third.certificate.Equal(second.certificate) {
				t.Error("the certificate of another directory was found")
			}
			for _, s := range []signed{first, second, third} {
				if got := judge(t, proxy, "key-1", s); !got.Verified || got.Signer.Subject != "CN=notation,OU=Ack,O=AlibabaCloud,C=CN" {
					t.Errorf("%+v", got)
				}
			}
			if got := judge(t, proxy, "key-2", first); got.Verified || got.Errors[0].Code != report.UntrustedCertificate {
				t.Errorf("by another key: %+v", got.Errors)
			}
		})
	}
}

type signed struct {
	mediaType   string
	envelope    []byte
	certificate *x509.Certificate
}

func sign(t *testing.T, manager *plugin.CLIManager, key, mediaType, output string) signed {
	t.Helper()
	p, err := manager.Get(t.Context(), signing.Name)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{}
	if output != "" {
		config["output_cert_dir"] = output
	}
	s, err := signer.NewPluginSigner(p, key, config)
	if err != nil {
		t.Fatal(err)
	}
	envelope, info, err := s.Sign(t.Context(), subject, notation.SignerSignOptions{SignatureMediaType: mediaType})
	if err != nil {
		t.Fatal(err)
	}
	return signed{mediaType: mediaType, envelope: envelope, certificate: info.CertificateChain[0]}
}

// judge verifies a signature as an image's by a trust document that names a key.
func judge(t *testing.T, proxy *cloudtest.Proxy, key string, s signed) report.Signature {
	t.Helper()
	doc, err := json.Marshal(map[string]any{"notation": map[string]any{
		"trust_policy": map[string]any{"version": "1.0", "trustPolicies": []any{map[string]any{
			"name": "release", "registryScopes": []any{"*"}, "signatureVerification": map[string]any{"level": "strict"},
			"trustStores": []any{"ca:kms"}, "trustedIdentities": []any{"*"},
		}}},
		"trust_stores": map[string]any{"ca:kms": []any{map[string]any{"provider": "kms", "name": key}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	document, err := trust.Parse(doc, trust.Options{Providers: fetched(t, proxy, key)})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := reference.Parse("acme-registry.cn-hangzhou.cr.aliyuncs.com/team/app@" + subject.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	of := subject
	v := verifier.New(verifier.Options{RevocationClient: http.DefaultClient, RevocationTimeout: time.Second})
	return v.Verify(t.Context(), verify.Evidence{
		Subject: ref, Descriptor: ocispec.Descriptor{Digest: digest.FromString("manifest")}, Blobs: [][]byte{s.envelope},
		Manifest: ocispec.Manifest{ArtifactType: verifier.ArtifactType, Subject: &of, Layers: []ocispec.Descriptor{{MediaType: s.mediaType, Digest: digest.FromBytes(s.envelope), Size: int64(len(s.envelope))}}},
	}, document)[0]
}

// fetched is what the key provider finds in KMS.
func fetched(t *testing.T, proxy *cloudtest.Proxy, key string) trust.Providers {
	t.Helper()
	transport := outbound.NewTransport(outbound.Options{Proxy: proxy.Choose, RootCAs: proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	client, err := alibabacloud.New(alibabacloud.Options{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := client.Sessions(alibabacloud.Identity{Env: environment(nil)})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := alibabacloudkms.New(alibabacloudkms.Options{
		Client: client, Sessions: sessions, Region: "cn-beijing", Keys: []alibabacloudkms.Item{{ID: key}},
	}).Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all kms
	for _, k := range snapshot.Keys {
		all.Versions = append(all.Versions, trust.Version{Name: k.Version, Raw: k.PEM})
	}
	return all
}

// kms is a key provider.
type kms trust.Provided

func (kms) Names() []string { return []string{"kms"} }

func (k kms) Material(_, _, _ string) trust.Provided { return trust.Provided(k) }

// environment is that of the account's access key.
func environment(more map[string]string) func(string) string {
	env := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": cloudtest.AlibabaKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloudtest.AlibabaKeySecret}
	maps.Copy(env, more)
	return func(name string) string { return env[name] }
}
