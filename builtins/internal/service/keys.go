// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/file"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/hashivault"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/inline"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/url"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// newKeys builds the key providers; in a process that serves they are fetched at
// once.
func newKeys(c *config.Config, d Deps) (*keys.Set, error) {
	var providers []keys.Provider
	for i := range c.KeyProviders {
		p := &c.KeyProviders[i]
		source, err := keySource(p, d)
		if err != nil {
			return nil, fmt.Errorf("key provider %q: %w", p.Name, err)
		}
		providers = append(providers, keys.Provider{Name: p.Name, Source: source, RefreshInterval: p.RefreshInterval, MaxStale: p.MaxStale})
	}
	return keys.NewSet(providers, keys.Options{
		Background: d.LongLived,
		Fetched: func(st keys.Status) {
			d.Metrics.KeyProvider(st.Provider, st.Keys, st.Since, st.Err == nil)
			if d.KeysFetched != nil {
				d.KeysFetched()
			}
			if st.Err != nil && d.Refreshed != nil {
				d.Refreshed(fmt.Errorf("key provider %q: %w", st.Provider, st.Err))
			}
		},
		Changed: d.KeysChanged,
		Now:     d.Now,
	}), nil
}

// keySource is the one list of key providers.
func keySource(p *config.KeyProvider, d Deps) (keys.Source, error) {
	switch p.Type {
	case config.KeysInline:
		configured := make([]inline.Key, len(p.Inline.Keys))
		for i, k := range p.Inline.Keys {
			configured[i] = inline.Key{Name: k.Name, Value: k.Value}
		}
		return inline.New(configured), nil
	case config.KeysFile:
		return file.New(p.File.Path), nil
	case config.KeysURL:
		return urlKeys(&p.URL)
	case config.KeysKubernetes:
		return clusterKeys(&p.Kubernetes), nil
	case config.KeysVault:
		return vaultKeys(&p.Vault)
	case config.KeysAzure:
		return azureKeys(&p.Azure, d)
	case config.KeysAlibaba:
		return alibabaKeys(&p.Alibaba, d)
	case config.KeysAWS:
		return awsKeys(&p.AWS, d)
	case config.KeysGoogle:
		return googleKeys(&p.Google, d)
	default:
		return nil, fmt.Errorf("type %q is not built in", p.Type)
	}
}

func urlKeys(c *config.URLKeys) (keys.Source, error) {
	client, err := serviceClient(c.CertificateAuthorities)
	if err != nil {
		return nil, err
	}
	wanted := make([]url.Key, len(c.Keys))
	for i, k := range c.Keys {
		wanted[i] = url.Key{Name: k.Name, URL: k.URL, SHA256: strings.ToLower(k.SHA256)}
	}
	return url.New(url.Options{Client: client, Keys: wanted}), nil
}

func vaultKeys(c *config.VaultKeys) (keys.Source, error) {
	client, err := serviceClient(c.CertificateAuthorities)
	if err != nil {
		return nil, err
	}
	return hashivault.New(hashivault.Options{
		Client: client, Address: c.Address, Namespace: c.Namespace, Mount: c.Mount, Keys: c.Keys,
		Auth: hashivault.Auth(c.Auth), Env: os.Getenv,
	}), nil
}

// KeyProviders tells how the key providers are.
func (s *Service) KeyProviders() []keys.Status { return s.keys.Status() }

// KeysOf lists the keys of a key provider.
func (s *Service) KeysOf(provider string) []keys.Held { return s.keys.Held(provider) }

// provided gives trust documents the keys of the providers.
type provided struct {
	ctx  context.Context //nolint:containedctx // of the one call that compiles the document; afterwards nobody waits
	keys *keys.Set
}

// Names implements [trust.Providers].
func (p provided) Names() []string { return p.keys.Names() }

// Material implements [trust.Providers].
func (p provided) Material(provider, name, version string) trust.Provided {
	found, err := p.keys.Lookup(p.ctx, provider, name, version)
	if err != nil {
		return trust.Provided{Absent: []trust.Absent{{Message: err.Error()}}}
	}
	var given trust.Provided
	for _, k := range found.Keys {
		given.Versions = append(given.Versions, trust.Version{Name: k.Version, Raw: k.PEM})
	}
	for _, a := range found.Absent {
		given.Absent = append(given.Absent, trust.Absent{Message: absent(a, version), Unseen: a.Unseen, Retryable: a.Retryable})
	}
	return given
}

// absent names the version, unless it is the one that was asked for: the trust document
// is quoted beside it.
func absent(a keys.Absent, asked string) string {
	if a.Version == "" || a.Version == asked {
		return a.Err.Error()
	}
	return fmt.Sprintf("version %q: %v", a.Version, a.Err)
}
