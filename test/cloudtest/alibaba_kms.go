// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// AlibabaKey is an asymmetric key of KMS.
type AlibabaKey struct {
	ID       string
	Spec     string // RSA_2048, RSA_3072, EC_P256
	State    string // Enabled
	Usage    string // SIGN/VERIFY
	Versions []AlibabaKeyVersion
}

// AlibabaKeyVersion is one version, the oldest first in a key.
type AlibabaKeyVersion struct {
	ID      string
	Created time.Time
	Key     crypto.Signer
}

// AddKey makes an enabled key with one version.
func (a *Alibaba) AddKey(tb testing.TB, id, spec string) *AlibabaKey {
	tb.Helper()
	k := &AlibabaKey{ID: id, Spec: spec, State: "Enabled", Usage: "SIGN/VERIFY"}
	k.Rotate(tb)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Keys[id] = k
	return k
}

// ImportKey makes an enabled key whose one version was made elsewhere.
func (a *Alibaba) ImportKey(id string, key crypto.Signer) {
	spec := "EC_P256"
	if k, ok := key.Public().(*rsa.PublicKey); ok {
		spec = fmt.Sprintf("RSA_%d", k.N.BitLen())
	}
	version := AlibabaKeyVersion{ID: id + "-v1", Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Key: key}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Keys[id] = &AlibabaKey{ID: id, Spec: spec, State: "Enabled", Usage: "SIGN/VERIFY", Versions: []AlibabaKeyVersion{version}}
}

// SetState changes a key's state.
func (a *Alibaba) SetState(id, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Keys[id].State = state
}

// Rotate adds a version of a key while it is served.
func (a *Alibaba) Rotate(tb testing.TB, id string) {
	tb.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Keys[id].Rotate(tb)
}

// Rotate adds a version, which is then the primary one, while nobody asks.
func (k *AlibabaKey) Rotate(tb testing.TB) AlibabaKeyVersion {
	tb.Helper()
	var key crypto.Signer
	var err error
	switch k.Spec {
	case "RSA_2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "RSA_3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case "EC_P256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		tb.Fatalf("key spec %q", k.Spec)
	}
	if err != nil {
		tb.Fatal(err)
	}
	n := len(k.Versions) + 1
	v := AlibabaKeyVersion{ID: fmt.Sprintf("%s-v%d", k.ID, n), Created: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC), Key: key}
	k.Versions = append(k.Versions, v)
	return v
}

// PEM is the public key.
func (v AlibabaKeyVersion) PEM() string {
	der, err := x509.MarshalPKIXPublicKey(v.Key.Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// kms is the Key Management Service.
func (a *Alibaba) kms(w http.ResponseWriter, r *http.Request) {
	if !a.enter(r.URL.Query().Get("Action"), w, r) {
		return
	}
	p := a.signed(w, r)
	if p == nil {
		return
	}
	a.mu.Lock()
	secret, isSecret := a.Secrets[p["SecretName"]]
	certificate, isCertificate := a.Certificates[p["CertificateId"]]
	a.mu.Unlock()
	switch p["Action"] {
	case "GetSecretValue":
		if a.wants(w, isSecret, 404, "Forbidden.ResourceNotFound", "Resource not found.") &&
			a.wants(w, p["VersionStage"] == "ACSCurrent" || p["VersionId"] == secret.Version, 404, "Forbidden.ResourceNotFound", "Resource not found.") {
			kind := "text"
			if secret.Binary {
				kind = "binary"
			}
			answer(w, map[string]any{"SecretName": p["SecretName"], "SecretData": secret.Data, "SecretDataType": kind, "VersionId": secret.Version})
		}
	case "GetCertificate":
		if a.wants(w, isCertificate, 404, "Forbidden.ResourceNotFound", "Resource not found.") {
			answer(w, map[string]any{"Certificate": certificate.Certificate, "CertificateChain": certificate.Chain, "CertificateId": p["CertificateId"]})
		}
	default:
		a.key(w, p)
	}
}

// key is what is asked of one key.
func (a *Alibaba) key(w http.ResponseWriter, p map[string]string) {
	k := a.keyNow(p["KeyId"])
	if !a.wants(w, k != nil, 404, "Forbidden.KeyNotFound", "The specified Key is not found.") {
		return
	}
	switch p["Action"] {
	case "DescribeKey":
		answer(w, map[string]any{"KeyMetadata": map[string]string{
			"KeyId": k.ID, "KeySpec": k.Spec, "KeyState": k.State, "KeyUsage": k.Usage, "PrimaryKeyVersion": k.Versions[len(k.Versions)-1].ID,
		}})
		return
	case "ListKeyVersions":
		a.versions(w, k, p)
		return
	}
	var version *AlibabaKeyVersion
	for i := range k.Versions {
		if k.Versions[i].ID == p["KeyVersionId"] {
			version = &k.Versions[i]
		}
	}
	if !a.wants(w, version != nil, 404, "Forbidden.KeyVersionNotFound", "The specified key version is not found.") ||
		!a.wants(w, k.State == "Enabled", 409, "Rejected."+k.State, "The request was rejected because the key state is "+k.State+".") {
		return
	}
	switch p["Action"] {
	case "GetPublicKey":
		answer(w, map[string]any{"KeyId": k.ID, "KeyVersionId": version.ID, "PublicKey": version.PEM()})
	case "AsymmetricSign":
		a.sign(w, k, version, p)
	default:
		refuse(w, 404, "InvalidAction.NotFound", "Specified api is not found")
	}
}

// keyNow is a copy of a key, nil if there is none.
func (a *Alibaba) keyNow(id string) *AlibabaKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.Keys[id]
	if k == nil {
		return nil
	}
	now := *k
	return &now
}

// versions answers a page, two versions at most, whatever is asked for.
func (a *Alibaba) versions(w http.ResponseWriter, k *AlibabaKey, p map[string]string) {
	page, err := strconv.Atoi(p["PageNumber"])
	if !a.wants(w, err == nil && page > 0, 400, "InvalidParameter", "PageNumber") {
		return
	}
	from := min((page-1)*2, len(k.Versions))
	listed := []map[string]string{}
	for _, v := range k.Versions[from:min(from+2, len(k.Versions))] {
		listed = append(listed, map[string]string{"KeyId": k.ID, "KeyVersionId": v.ID, "CreationDate": v.Created.Format("2006-01-02T15:04:05Z")})
	}
	answer(w, map[string]any{"KeyVersions": map[string]any{"KeyVersion": listed}, "TotalCount": len(k.Versions), "PageNumber": page, "PageSize": 2})
}

// sign signs a SHA-256 digest as the key's kind allows.
func (a *Alibaba) sign(w http.ResponseWriter, k *AlibabaKey, v *AlibabaKeyVersion, p map[string]string) {
	digest, err := base64.StdEncoding.DecodeString(p["Digest"])
	if !a.wants(w, err == nil && len(digest) == 32 && k.Usage == "SIGN/VERIFY", 400, "InvalidParameter", "The specified parameter is not valid.") {
		return
	}
	var opts crypto.SignerOpts = crypto.SHA256
	_, isRSA := v.Key.(*rsa.PrivateKey)
	switch {
	case p["Algorithm"] == "RSA_PSS_SHA_256" && isRSA:
		opts = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	case p["Algorithm"] == "RSA_PKCS1_SHA_256" && isRSA, p["Algorithm"] == "ECDSA_SHA_256" && !isRSA:
	default:
		refuse(w, 400, "InvalidParameter", "Algorithm")
		return
	}
	signature, err := v.Key.Sign(rand.Reader, digest, opts)
	if !a.wants(w, err == nil, 500, "InternalFailure", "Internal Failure") {
		return
	}
	if !isRSA && a.RawECDSA {
		signature = raw(signature)
	}
	answer(w, map[string]any{"KeyId": k.ID, "KeyVersionId": v.ID, "Value": base64.StdEncoding.EncodeToString(signature)})
}

func raw(der []byte) []byte {
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		panic(err)
	}
	return append(s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))...)
}
