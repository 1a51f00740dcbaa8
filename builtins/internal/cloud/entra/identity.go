// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// Method is a way to prove who we are.
type Method string

// The methods.
const (
	WorkloadIdentity Method = "workload_identity" // the pod's service account token, to the authority
	IdentityBinding  Method = "identity_binding"  // the same, through the cluster's token proxy
	ManagedIdentity  Method = "managed_identity"  // the machine's, from its metadata service
)

// Options configures an [Identity].
type Options struct {
	// Method to use. Empty: what the environment is prepared for, which is never
	// ManagedIdentity: that would silently be the node's.
	Method Method
	// TenantID of the identity. Empty: $AZURE_TENANT_ID. Not needed for
	// ManagedIdentity.
	TenantID string
	// ClientID of the identity. Empty: $AZURE_CLIENT_ID. For ManagedIdentity it may be
	// missing: the machine has only one identity then.
	ClientID string
	// TokenFile holds the pod's token; it is read again at each use. Empty:
	// $AZURE_FEDERATED_TOKEN_FILE.
	TokenFile string
	// Authority is the URL that tokens are asked of. Empty: $AZURE_AUTHORITY_HOST,
	// else that of the cloud that the token is for.
	Authority string
	// Env looks up the environment. Nil: it is empty.
	Env func(string) string
	// Transport to the authority. Required.
	Transport http.RoundTripper
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Identity gets tokens. It may be shared between goroutines.
type Identity struct {
	o         Options
	authority string // host[:port]; "" for the cloud's own
	client    cloud.Client
	proxy     *proxy          // of IdentityBinding
	metadata  metadataService // of ManagedIdentity
	tokens    *lease.Leases[audience, string]
}

// New returns an identity. The error names everything that is missing or wrong;
// nothing is asked of anybody.
func New(o Options) (*Identity, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	o.Method = method(o)
	i := &Identity{o: o, client: cloud.Client{Transport: o.Transport}}
	i.tokens = lease.New(lease.Options[audience, string]{Ask: i.ask, Timeout: cloud.AskTimeout, Now: o.Now})
	if o.Method == ManagedIdentity {
		return i, i.prepareMetadata()
	}
	return i, i.prepareFederation()
}

func method(o Options) Method {
	switch {
	case o.Method != "":
		return o.Method
	case o.Env("AZURE_KUBERNETES_TOKEN_PROXY") != "":
		return IdentityBinding
	}
	return WorkloadIdentity
}

func (i *Identity) prepareFederation() error {
	var errs []error
	for _, s := range []struct {
		value             *string
		setting, variable string
		valid             *regexp.Regexp
	}{
		{&i.o.TenantID, "tenant_id", "AZURE_TENANT_ID", identifier},
		{&i.o.ClientID, "client_id", "AZURE_CLIENT_ID", identifier},
		{&i.o.TokenFile, "token_file", "AZURE_FEDERATED_TOKEN_FILE", nil},
	} {
		if *s.value == "" {
			*s.value = i.o.Env(s.variable)
		}
		switch {
		case *s.value == "":
			errs = append(errs, fmt.Errorf("%s: neither it nor $%s is set; annotate the service account and label the pod for workload identity, or choose managed_identity", s.setting, s.variable))
		case s.valid != nil && !s.valid.MatchString(*s.value):
			errs = append(errs, fmt.Errorf("%s %q is neither a GUID nor a domain", s.setting, *s.value))
		}
	}
	return errors.Join(append(errs, i.prepareAuthority(), i.prepareProxy())...)
}

// identifier is what a tenant or a client may be; it becomes part of a URL.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

func (i *Identity) prepareAuthority() error {
	address := i.o.Authority
	if address == "" {
		address = i.o.Env("AZURE_AUTHORITY_HOST")
	}
	if address == "" {
		return nil
	}
	host, err := parseAuthority(address)
	if err != nil {
		return fmt.Errorf("authority %q %w", address, err)
	}
	i.authority = host
	return nil
}

func (i *Identity) prepareProxy() (err error) {
	switch i.o.Method {
	case WorkloadIdentity:
		return nil
	case IdentityBinding:
		i.proxy, err = newProxy(i.o.Env)
		return err
	default:
		return fmt.Errorf("method %q: write %s, %s or %s", i.o.Method, WorkloadIdentity, ManagedIdentity, IdentityBinding)
	}
}

// Tenant returns the tenant of the identity; "" if it is not known.
func (i *Identity) Tenant() string { return i.o.TenantID }

// Token returns a token for a resource ("https://vault.azure.net") in a cloud. It
// is the caller's to send it only to hosts of that resource. The error wraps a
// [*cloud.Error], or is ctx's.
func (i *Identity) Token(ctx context.Context, resource string, in Cloud) (string, error) {
	return i.tokens.Take(ctx, audience{resource, in})
}

// Refused drops a token for a resource in a cloud, which did not accept it.
func (i *Identity) Refused(resource string, in Cloud, token string) {
	i.tokens.Refused(audience{resource, in}, token)
}

// audience is what a token is for.
type audience struct {
	resource string
	in       Cloud
}

func (i *Identity) ask(ctx context.Context, of audience) (string, time.Time, error) {
	if i.o.Method == ManagedIdentity {
		return i.machineToken(ctx, of.resource)
	}
	return i.federatedToken(ctx, of.resource, of.in)
}
