// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
)

// Name of the plugin.
const Name = "alibabacloud.secretmanager.plugin"

// Options configures a [Plugin].
type Options struct {
	// Version as metadata tells it, "1.0.0". Required.
	Version string
	// Env looks up environment variables. Required.
	Env func(string) string
	// Now is the clock by which certificates are made and judged. Nil: [time.Now].
	Now func() time.Time
	// Transport reaches the services. Nil: one with the proxy of the environment.
	Transport http.RoundTripper
}

// Plugin implements notation's plugin.Plugin.
type Plugin struct{ o Options }

// New returns the plugin.
func New(o Options) *Plugin {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Plugin{o: o}
}

// The settings of --plugin-config.
const (
	settingOutput   = "output_cert_dir"
	settingChain    = "ca_certs"
	settingEndpoint = "kms_endpoint"
)

// GetMetadata implements notation's plugin.GenericPlugin.
func (p *Plugin) GetMetadata(context.Context, *plugin.GetMetadataRequest) (*plugin.GetMetadataResponse, error) {
	return &plugin.GetMetadataResponse{
		Name: Name, Description: "Signs with keys in Alibaba Cloud Key Management Service", Version: p.o.Version,
		URL:                       "https://github.com/opa-ratify/opa-ratify",
		SupportedContractVersions: []string{plugin.ContractVersion},
		Capabilities:              []plugin.Capability{plugin.CapabilitySignatureGenerator},
	}, nil
}

// DescribeKey implements notation's plugin.SignPlugin. It refuses keys that could
// not sign.
func (p *Plugin) DescribeKey(ctx context.Context, r *plugin.DescribeKeyRequest) (*plugin.DescribeKeyResponse, error) {
	if err := contract(r.ContractVersion); err != nil {
		return nil, err
	}
	service, err := p.connect(r.PluginConfig)
	if err != nil {
		return nil, failure(err)
	}
	k, err := service.describe(ctx, r.KeyID)
	if err != nil {
		return nil, failure(err)
	}
	return &plugin.DescribeKeyResponse{KeyID: r.KeyID, KeySpec: k.kind.spec}, nil
}

// GenerateSignature implements notation's plugin.SignPlugin.
func (p *Plugin) GenerateSignature(ctx context.Context, r *plugin.GenerateSignatureRequest) (*plugin.GenerateSignatureResponse, error) {
	if err := contract(r.ContractVersion); err != nil {
		return nil, err
	}
	service, err := p.connect(r.PluginConfig)
	if err != nil {
		return nil, failure(err)
	}
	k, err := service.open(ctx, r.KeyID)
	if err != nil {
		return nil, failure(err)
	}
	if r.KeySpec != k.kind.spec || r.Hash != plugin.HashAlgorithmSHA256 {
		return nil, plugin.NewValidationErrorf("key %q is %s with SHA-256, not %s with %s", r.KeyID, k.kind.spec, r.KeySpec, r.Hash)
	}
	chain, err := p.chain(k, r.PluginConfig)
	if err != nil {
		return nil, failure(err)
	}
	signature, err := k.sign(ctx, r.Payload)
	if err != nil {
		return nil, failure(err)
	}
	return &plugin.GenerateSignatureResponse{KeyID: r.KeyID, Signature: signature, SigningAlgorithm: k.kind.algorithm, CertificateChain: chain}, nil
}

// GenerateEnvelope implements notation's plugin.SignPlugin; it is not offered.
func (*Plugin) GenerateEnvelope(context.Context, *plugin.GenerateEnvelopeRequest) (*plugin.GenerateEnvelopeResponse, error) {
	return nil, plugin.NewUnsupportedError("generate-envelope")
}

// VerifySignature implements notation's plugin.VerifyPlugin; it is not offered.
func (*Plugin) VerifySignature(context.Context, *plugin.VerifySignatureRequest) (*plugin.VerifySignatureResponse, error) {
	return nil, plugin.NewUnsupportedError("verify-signature")
}

func contract(version string) error {
	if version != plugin.ContractVersion {
		return plugin.NewUnsupportedContractVersionError(version)
	}
	return nil
}

// failure chooses the plugin contract's code for an error.
func failure(err error) error {
	if _, ok := errors.AsType[*plugin.Error](err); ok {
		return err
	}
	code := plugin.ErrorCodeGeneric
	e, _ := errors.AsType[*alibabacloud.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code = plugin.ErrorCodeTimeout
	case e == nil:
	case strings.HasPrefix(e.Code, "Throttling"):
		code = plugin.ErrorCodeThrottled
	case strings.Contains(e.Code, "NoPermission"), strings.HasPrefix(e.Code, "AuthenticationFail"), strings.HasPrefix(e.Code, "InvalidAccessKeyId"), e.Code == "SignatureDoesNotMatch":
		code = plugin.ErrorCodeAccessDenied
	}
	return plugin.NewError(code, cmp.Or(err.Error(), "no reason was given"))
}
