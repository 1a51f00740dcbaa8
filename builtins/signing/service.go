// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// service is KMS as one identity sees it. Keys are described by the region's
// gateway, which alone does that; they are used by the one that is configured.
type service struct {
	shared, instance *alibabacloud.Client
	sessions         *alibabacloud.Sessions
	region           string
	sharedHost       string
	instanceHost     string
}

// connect reads the environment and the settings. Nothing is asked yet.
func (p *Plugin) connect(settings map[string]string) (*service, error) {
	s := &service{region: cmp.Or(p.o.Env("ALIBABA_CLOUD_KMS_REGION_ID"), "cn-hangzhou")}
	network := ""
	if strings.EqualFold(p.o.Env("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"), "true") {
		network = "-vpc"
	}
	s.sharedHost = "kms" + network + "." + s.region + ".aliyuncs.com"
	s.instanceHost = cmp.Or(strings.TrimPrefix(p.o.Env("ALIBABA_CLOUD_KMS_INSTANCE_ENDPOINT"), "https://"), s.sharedHost)
	switch settings[settingEndpoint] {
	case "":
	case "shared":
		s.instanceHost = s.sharedHost
	default:
		return nil, plugin.NewValidationErrorf("%s %q: write shared, or leave it out", settingEndpoint, settings[settingEndpoint])
	}
	var err error
	if s.shared, err = alibabacloud.New(alibabacloud.Options{Transport: p.o.Transport, Now: p.o.Now}); err != nil {
		return nil, err
	}
	if s.instance, err = p.instanceClient(s); err != nil {
		return nil, err
	}
	id := alibabacloud.Identity{Env: p.o.Env}
	if p.o.Env("ALIBABA_CLOUD_ECS_METADATA") != "" && p.o.Env("ALIBABA_CLOUD_ACCESS_KEY_ID") == "" && p.o.Env("ALIBABA_CLOUD_OIDC_TOKEN_FILE") == "" {
		id.Kind = alibabacloud.ECSRole
	}
	s.sessions, err = s.shared.Sessions(id)
	return s, err
}

// instanceClient trusts the authority of a dedicated instance, for its host alone.
func (p *Plugin) instanceClient(s *service) (*alibabacloud.Client, error) {
	path := p.o.Env("ALIBABA_CLOUD_KMS_CA_FILEPATH")
	if path == "" || s.instanceHost == s.sharedHost {
		return s.shared, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ALIBABA_CLOUD_KMS_CA_FILEPATH: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(raw) {
		return nil, plugin.NewValidationErrorf("ALIBABA_CLOUD_KMS_CA_FILEPATH %q: no certificate in file; expected PEM", path)
	}
	return alibabacloud.New(alibabacloud.Options{Transport: outbound.NewTransport(outbound.Options{RootCAs: roots}), Now: p.o.Now})
}

// kind is what a kind of key is called by both sides.
type kind struct {
	spec      plugin.KeySpec
	algorithm plugin.SignatureAlgorithm
	kms       string // algorithm
	x509      x509.SignatureAlgorithm
}

func kindOf(spec string) (kind, error) {
	switch spec {
	case "RSA_2048":
		return kind{plugin.KeySpecRSA2048, plugin.SignatureAlgorithmRSASSA_PSS_SHA256, "RSA_PSS_SHA_256", x509.SHA256WithRSAPSS}, nil
	case "EC_P256":
		return kind{plugin.KeySpecEC256, plugin.SignatureAlgorithmECDSA_SHA256, "ECDSA_SHA_256", x509.ECDSAWithSHA256}, nil
	case "RSA_3072":
		return kind{}, plugin.NewValidationErrorf("it is RSA_3072: for such keys the Notary Project demands SHA-384, and KMS signs with SHA-256 only, so that no verifier would accept its signatures; make a key of RSA_2048 or EC_P256")
	}
	return kind{}, plugin.NewValidationErrorf("it is %q; make a key of RSA_2048 or EC_P256", spec)
}

// key is one version of a key that can sign.
type key struct {
	id, version string
	kind        kind
	public      crypto.PublicKey
	service     *service
}

// describe refuses keys that could not sign.
func (s *service) describe(ctx context.Context, id string) (*key, error) {
	at, err := s.at(ctx, s.sharedHost)
	if err != nil {
		return nil, err
	}
	described, err := s.shared.DescribeKey(ctx, at, id)
	if err != nil {
		return nil, err
	}
	switch {
	case described.State != "Enabled":
		return nil, plugin.NewValidationErrorf("key %q is not enabled: its state is %s", id, described.State)
	case described.Usage != "SIGN/VERIFY":
		return nil, plugin.NewValidationErrorf("key %q is for %s; signing wants one for SIGN/VERIFY", id, described.Usage)
	}
	kind, err := kindOf(described.Spec)
	if err != nil {
		return nil, plugin.NewValidationErrorf("key %q: %s", id, messageOf(err))
	}
	return &key{id: id, version: described.Primary, kind: kind, service: s}, nil
}

// open describes a key and reads the public key of the version that signs.
func (s *service) open(ctx context.Context, id string) (*key, error) {
	k, err := s.describe(ctx, id)
	if err != nil {
		return nil, err
	}
	if k.version == "" {
		at, err := s.at(ctx, s.sharedHost)
		if err != nil {
			return nil, err
		}
		versions, err := s.shared.KeyVersions(ctx, at, id)
		if err != nil {
			return nil, err
		}
		k.version = slices.Concat(versions, []string{""})[0]
	}
	at, err := s.at(ctx, s.instanceHost)
	if err != nil {
		return nil, err
	}
	raw, err := s.instance.PublicKey(ctx, at, id, k.version)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("key %q: its public key is not PEM", id)
	}
	k.public, err = x509.ParsePKIXPublicKey(block.Bytes)
	return k, err
}

func (s *service) at(ctx context.Context, host string) (alibabacloud.Place, error) {
	session, err := s.sessions.Session(ctx)
	return alibabacloud.Place{Endpoint: host, Region: s.region, Session: session}, err
}

// sign returns the raw signature over payload as the Notary Project wants it,
// verified.
//
// Spec: Notary Project, plugin extensibility v1.0: "signature: raw signature";
// RFC 7518, sections 3.4 and 3.5.
func (k *key) sign(ctx context.Context, payload []byte) ([]byte, error) {
	digest := sha256.Sum256(payload)
	signature, err := k.raw(ctx, digest[:])
	if err != nil {
		return nil, err
	}
	if public, ok := k.public.(*ecdsa.PublicKey); ok {
		return joined(public, signature)
	}
	return signature, nil
}

// raw has KMS sign a digest; an ECDSA signature is in ASN.1. It is verified here:
// how the service encodes signatures is not documented in full.
func (k *key) raw(ctx context.Context, digest []byte) ([]byte, error) {
	at, err := k.service.at(ctx, k.service.instanceHost)
	if err != nil {
		return nil, err
	}
	signature, err := k.service.instance.Sign(ctx, at, k.id, k.version, k.kind.kms, digest)
	if err != nil {
		return nil, err
	}
	good := false
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		good = rsa.VerifyPSS(public, crypto.SHA256, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case *ecdsa.PublicKey:
		signature = encoded(signature)
		good = ecdsa.VerifyASN1(public, digest, signature)
	}
	if !good {
		return nil, fmt.Errorf("AsymmetricSign: the signature by key %q does not verify with its public key", k.id)
	}
	return signature, nil
}

// pair is an ECDSA signature.
type pair struct{ R, S *big.Int }

// encoded returns an ECDSA signature in ASN.1, also if it is r‖s.
func encoded(signature []byte) []byte {
	var p pair
	if rest, err := asn1.Unmarshal(signature, &p); err == nil && len(rest) == 0 {
		return signature
	}
	half := len(signature) / 2
	der, err := asn1.Marshal(pair{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
	if err != nil {
		return nil
	}
	return der
}

// joined returns an ECDSA signature as r‖s.
func joined(public *ecdsa.PublicKey, der []byte) ([]byte, error) {
	var p pair
	if _, err := asn1.Unmarshal(der, &p); err != nil {
		return nil, fmt.Errorf("AsymmetricSign: %w", err)
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	return slices.Concat(p.R.FillBytes(make([]byte, size)), p.S.FillBytes(make([]byte, size))), nil
}
