// SPDX-License-Identifier: Apache-2.0

package signing_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/signing"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

// world is the fake cloud with one key, and what asks the plugin.
type world struct {
	t      *testing.T
	cloud  *cloudtest.Alibaba
	key    *cloudtest.AlibabaKey
	o      signing.Options
	config map[string]string
	dir    string
	now    time.Time
}

func newWorld(t *testing.T, spec string) *world {
	t.Helper()
	w := &world{t: t, cloud: cloudtest.NewAlibaba(t), dir: t.TempDir(), now: time.Now()}
	w.key = w.cloud.AddKey(t, "key-1", spec)
	proxy := cloudtest.Start(t, w.cloud.Hosts())
	transport := outbound.NewTransport(outbound.Options{Proxy: proxy.Choose, RootCAs: proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	w.o = signing.Options{Version: "1.0.0", Env: environment(nil), Transport: transport, Now: func() time.Time { return w.now }}
	w.config = map[string]string{"output_cert_dir": w.dir}
	return w
}

// sign is what notation does.
func (w *world) sign(id string) (*plugin.GenerateSignatureResponse, error) {
	w.t.Helper()
	p := signing.New(w.o)
	described, err := p.DescribeKey(w.t.Context(), &plugin.DescribeKeyRequest{ContractVersion: "1.0", KeyID: id, PluginConfig: w.config})
	if err != nil {
		return nil, err
	}
	return p.GenerateSignature(w.t.Context(), &plugin.GenerateSignatureRequest{
		ContractVersion: "1.0", KeyID: id, KeySpec: described.KeySpec, Hash: plugin.HashAlgorithmSHA256, Payload: []byte("payload"), PluginConfig: w.config,
	})
}

func (w *world) refused(id string, code plugin.ErrorCode, says string) {
	w.t.Helper()
	_, err := w.sign(id)
	var e *plugin.Error
	if !errors.As(err, &e) || e.ErrCode != code || !strings.Contains(e.Message, says) {
		w.t.Errorf("got %v, want %s %q", err, code, says)
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		spec string
		raw  bool
		good func(crypto.PublicKey, []byte) bool
	}{
		{"RSA_2048", false, goodRSA},
		{"EC_P256", false, goodECDSA},
		{"EC_P256", true, goodECDSA},
	} {
		w := newWorld(t, tt.spec)
		w.cloud.RawECDSA = tt.raw
		got, err := w.sign("key-1")
		if err != nil {
			t.Errorf("%s: %v", tt.spec, err)
			continue
		}
		c, err := x509.ParseCertificate(got.CertificateChain[0])
		if err != nil || !tt.good(c.PublicKey, got.Signature) {
			t.Errorf("%s: the signature is not one of the certificate's key: %v", tt.spec, err)
		}
	}
}

func payloadSum() []byte {
	sum := sha256.Sum256([]byte("payload"))
	return sum[:]
}

func goodRSA(key crypto.PublicKey, signature []byte) bool {
	return rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, payloadSum(), signature, &rsa.PSSOptions{SaltLength: 32}) == nil
}

func goodECDSA(key crypto.PublicKey, signature []byte) bool {
	return len(signature) == 64 && ecdsa.Verify(key.(*ecdsa.PublicKey), payloadSum(), new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func TestKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	newWorld(t, "RSA_3072").refused("key-1", plugin.ErrorCodeValidation, `key "key-1": it is RSA_3072: for such keys the Notary Project demands SHA-384, and KMS signs with SHA-256 only`)
	for _, tt := range []struct {
		name   string
		change func(*world)
		id     string
		code   plugin.ErrorCode
		says   string
	}{
		{"disabled", func(w *world) { w.cloud.SetState("key-1", "Disabled") }, "key-1", plugin.ErrorCodeValidation, `key "key-1" is not enabled: its state is Disabled`},
		{"pending deletion", func(w *world) { w.cloud.SetState("key-1", "PendingDeletion") }, "key-1", plugin.ErrorCodeValidation, "its state is PendingDeletion"},
		{"for encryption", func(w *world) { w.key.Usage = "ENCRYPT/DECRYPT" }, "key-1", plugin.ErrorCodeValidation, "is for ENCRYPT/DECRYPT"},
		{"SM2", func(w *world) { w.key.Spec = "EC_SM2" }, "key-1", plugin.ErrorCodeValidation, `it is "EC_SM2"; make a key of RSA_2048 or EC_P256`},
		{"unknown", func(*world) {}, "kst-hzz", plugin.ErrorCodeGeneric, "DescribeKey: Forbidden.KeyNotFound The specified Key is not found. (request id"},
		{"not permitted", func(w *world) {
			w.cloud.Fault("AsymmetricSign", cloudtest.Refuse(403, "Forbidden.NoPermission", "no"))
		}, "key-1", plugin.ErrorCodeAccessDenied, "AsymmetricSign: Forbidden.NoPermission no"},
		{"throttled", func(w *world) {
			w.cloud.Fault("GetPublicKey", cloudtest.Refuse(400, "Throttling.User", "slow down"))
		}, "key-1", plugin.ErrorCodeThrottled, "Throttling.User"},
		{"signature by somebody else", func(w *world) { w.cloud.Fault("AsymmetricSign", forged) }, "key-1", plugin.ErrorCodeGeneric, `the signature by key "key-1" does not verify with its public key`},
		{"no identity", func(w *world) { w.o.Env = func(string) string { return "" } }, "key-1", plugin.ErrorCodeGeneric, "no identity"},
		{"unknown setting", func(w *world) { w.config["kms_endpoint"] = "other" }, "key-1", plugin.ErrorCodeValidation, `kms_endpoint "other": write shared, or leave it out`},
		{"no CA file", func(w *world) {
			w.o.Env = environment(map[string]string{"ALIBABA_CLOUD_KMS_INSTANCE_ENDPOINT": "kst-a.cryptoservice.kms.aliyuncs.com", "ALIBABA_CLOUD_KMS_CA_FILEPATH": filepath.Join(w.dir, "none")})
		}, "key-1", plugin.ErrorCodeGeneric, "ALIBABA_CLOUD_KMS_CA_FILEPATH: open "},
		{"directory that is not there", func(w *world) { w.config["output_cert_dir"] = filepath.Join(w.dir, "none") }, "key-1", plugin.ErrorCodeGeneric, "output_cert_dir: open "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "EC_P256")
			tt.change(w)
			w.refused(tt.id, tt.code, tt.says)
		})
	}
}

// forged answers a well-formed signature that is none.
func forged(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]string{"Value": base64.StdEncoding.EncodeToString(slices.Repeat([]byte{1}, 64))})
}

// One certificate serves a key until it does not fit any more.
func TestCertificateIsReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "EC_P256")
	w.cloud.Now = time.Now
	certificate := func(id string) string {
		t.Helper()
		got, err := w.sign(id)
		if err != nil {
			t.Fatal(err)
		}
		copied, err := os.ReadFile(filepath.Join(w.dir, "signer.crt"))
		if block, _ := pem.Decode(copied); err != nil || block == nil || string(block.Bytes) != string(got.CertificateChain[0]) {
			t.Errorf("signer.crt is not the certificate: %v", err)
		}
		return string(got.CertificateChain[0])
	}
	first := certificate("key-1")
	w.cloud.AddKey(t, "alias/other", "EC_P256")
	if certificate("alias/other") == first || certificate("key-1") != first {
		t.Error("the other key's certificate came between")
	}
	w.now = w.now.Add(363 * 24 * time.Hour)
	if certificate("key-1") != first {
		t.Error("it was not used to its end")
	}
	w.now = w.now.Add(2 * 24 * time.Hour)
	second := certificate("key-1")
	if second == first {
		t.Error("it is used beyond its end")
	}
	w.key.Rotate(t)
	third := certificate("key-1")
	if third == second {
		t.Error("it is used for another version of the key")
	}
	if err := os.WriteFile(filepath.Join(w.dir, "key-1.crt"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if certificate("key-1") == third {
		t.Error("where did it come from?")
	}
}

// A chain that an authority made for the key is returned as it is.
func TestChainOfAnAuthority(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "RSA_2048")
	leaf, root := certified(t, w.key.Versions[0].Key.Public(), time.Hour)
	stranger, _ := certified(t, w.cloud.AddKey(t, "key-2", "RSA_2048").Versions[0].Key.Public(), time.Hour)
	late, _ := certified(t, w.key.Versions[0].Key.Public(), -time.Minute)
	for _, tt := range []struct {
		name    string
		content []byte
		says    string // "": it is returned
		want    int
	}{
		{"PEM", slices.Concat(text(leaf), text(root)), "", 2},
		{"DER", slices.Concat(leaf, root), "", 2},
		{"the other way round", slices.Concat(text(root), text(leaf)), `the first certificate, "CN=root", is not of key "key-1"; write the signer's own certificate first`, 0},
		{"of another key", text(stranger), `is not of key "key-1"`, 0},
		{"over", text(late), `"CN=release" is valid from`, 0},
		{"garbage", []byte("garbage"), "neither PEM nor DER", 0},
		{"private key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: leaf}), "PEM block 1 is not a certificate", 0},
	} {
		path := filepath.Join(t.TempDir(), "chain")
		if err := os.WriteFile(path, tt.content, 0o600); err != nil {
			t.Fatal(err)
		}
		w.config = map[string]string{"ca_certs": path}
		if tt.says != "" {
			w.refused("key-1", plugin.ErrorCodeValidation, tt.says)
			continue
		}
		got, err := w.sign("key-1")
		if err != nil || len(got.CertificateChain) != tt.want || string(got.CertificateChain[0]) != string(leaf) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	w.config = map[string]string{"ca_certs": filepath.Join(w.dir, "none")}
	w.refused("key-1", plugin.ErrorCodeValidation, "ca_certs: open ")
}

func text(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// certified makes a certificate for a key, and its root.
func certified(t *testing.T, key crypto.PublicKey, life time.Duration) (leaf, root []byte) {
	t.Helper()
	authority, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parent := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	if root, err = x509.CreateCertificate(rand.Reader, parent, parent, authority.Public(), authority); err != nil {
		t.Fatal(err)
	}
	child := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "release"}, NotBefore: parent.NotBefore, NotAfter: time.Now().Add(life)}
	if leaf, err = x509.CreateCertificate(rand.Reader, child, parent, key, authority); err != nil {
		t.Fatal(err)
	}
	return leaf, root
}

// The plugin offers to sign and not to verify: who can check it is the verifier.
func TestContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "EC_P256")
	p := signing.New(w.o)
	metadata, err := p.GetMetadata(t.Context(), &plugin.GetMetadataRequest{})
	if err != nil || metadata.Name != "alibabacloud.secretmanager.plugin" || !slices.Equal(metadata.Capabilities, []plugin.Capability{plugin.CapabilitySignatureGenerator}) {
		t.Errorf("%+v, %v", metadata, err)
	}
	if _, err := p.VerifySignature(t.Context(), nil); err == nil {
		t.Error("it verifies")
	}
	if _, err := p.GenerateEnvelope(t.Context(), nil); err == nil {
		t.Error("it makes envelopes")
	}
	_, describe := p.DescribeKey(t.Context(), &plugin.DescribeKeyRequest{ContractVersion: "2.0", KeyID: "key-1"})
	_, sign := p.GenerateSignature(t.Context(), &plugin.GenerateSignatureRequest{ContractVersion: "2.0", KeyID: "key-1"})
	_, hash := p.GenerateSignature(t.Context(), &plugin.GenerateSignatureRequest{ContractVersion: "1.0", KeyID: "key-1", KeySpec: plugin.KeySpecEC384, Hash: plugin.HashAlgorithmSHA384, PluginConfig: w.config})
	for _, err := range []error{describe, sign, hash} {
		if err == nil {
			t.Error("accepted")
		}
	}
}
