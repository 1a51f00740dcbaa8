// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
)

// newSource is where evidence comes from: the registries, written down if there
// is a recorder, or evidence that was captured.
func newSource(c *config.Config, d Deps) (evidence.Source, func() error, error) {
	if d.Evidence != nil {
		return d.Evidence, d.Evidence.Close, nil
	}
	client, err := newRegistry(c, d)
	if err != nil {
		return nil, nil, err
	}
	if d.Recorder != nil {
		return d.Recorder.Over(client), client.Close, nil
	}
	return client, client.Close, nil
}

// book has the revocation answers of captured evidence, or takes them down.
func (d Deps) book() revocation.Book {
	switch {
	case d.Evidence != nil:
		return d.Evidence
	case d.Recorder != nil:
		return d.Recorder
	default:
		return nil
	}
}

// newRegistry builds the one client that talks to registries.
func newRegistry(c *config.Config, d Deps) (*registry.Client, error) {
	o := registry.Options{
		Allowed: c.AllowedRegistries,
		Limits: registry.Limits{
			ManifestBytes: int64(c.Limits.ManifestBytes), BlobBytes: int64(c.Limits.BlobBytes),
			Referrers: c.Limits.Referrers, ReferrerPages: c.Limits.ReferrerPages,
		},
		MaxConcurrent: c.Limits.ConcurrentRequests,
		UserAgent:     cmp.Or(d.UserAgent, "opa-ratify"),
		Outbound:      outbound.Policy{Allow: c.Outbound.Allow},
		Observe:       func(e registry.RequestEvent) { d.Metrics.RegistryRequest(e.Host, e.Status) },
		Now:           d.Now,
	}
	for _, r := range c.Registries {
		o.Registries = append(o.Registries, registry.Registry{
			Match: r.Match, PlainHTTP: r.PlainHTTP, CA: r.CertificateAuthorities,
			Mirrors: r.Mirrors, TrustedRealms: r.TrustedRealms, MaxConcurrent: r.MaxConcurrentRequests,
		})
	}
	list, err := newCredentials(c, d)
	if err != nil {
		return nil, err
	}
	o.Credentials = list
	return registry.New(o)
}

// newNotation builds the Notation verifier. It asks for revocation at URLs that
// come out of certificates, so only public addresses may be dialled, and what
// the operator allows beyond them.
func newNotation(c *config.Config, d Deps) (*notation.Verifier, *outbound.Transport) {
	transport := outbound.NewTransport(outbound.Options{Policy: outbound.Policy{Public: true, Allow: c.Outbound.Allow}})
	return notation.New(notation.Options{
		RevocationClient:  &http.Client{Transport: transport, Timeout: c.Revocation.Timeout, CheckRedirect: outbound.CheckRedirect},
		RevocationTimeout: c.Revocation.Timeout, CacheBytes: orNone(int64(c.Revocation.CacheBytes)),
		RevocationBook: d.book(), AsOf: d.asOf() != nil, Now: d.Now,
	}), transport
}

// classify names the reason behind an error of the evidence store.
func classify(err error) (report.Code, bool) {
	switch {
	case errors.Is(err, evidence.ErrPanic):
		return report.Internal, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return report.Timeout, true
	default:
		return registry.Classify(err)
	}
}
