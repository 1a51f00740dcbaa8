// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Referrers lists the manifests that name subject's digest as their subject, of
// one artifact type, or all for "", in the registry's order and each once.
// subject.Digest is required. Entries with an unusable digest or size are left
// out. That a referrer's manifest really names the subject is the verifier's to
// check.
//
// The registry is asked to filter, and its answer is filtered again; see
// [collector.sort] for registries that report wrong artifact types. On an
// authoritative 404 the referrers tag schema is read instead; any other failure
// is an error and never an empty list. If a limit is reached, or the list breaks
// off, the result is what was listed so far beside the error, an [*Error].
//
// Spec: OCI distribution v1.1.1, "Listing Referrers" and "Unavailable Referrers
// API".
func (c *Client) Referrers(ctx context.Context, subject reference.Reference, artifactType string) ([]ocispec.Descriptor, error) {
	if !valid(subject.Digest) {
		return nil, &Error{Code: report.InvalidReference, Host: subject.Registry, Err: errors.New("the subject has no digest to list referrers of")}
	}
	return ask(ctx, c, subject, func(ctx context.Context, t target) ([]ocispec.Descriptor, error) {
		return c.referrers(ctx, t, c.newCollector(t, subject.Digest, artifactType))
	}, func(list []ocispec.Descriptor) bool { return len(list) > 0 })
}

func (c *Client) referrers(ctx context.Context, t target, list *collector) ([]ocispec.Descriptor, error) {
	if c.lacksAPI(t) {
		err := c.byTag(ctx, t, list, false)
		return list.settle(ctx, err)
	}
	err := c.byAPI(ctx, t, list)
	if missing, ok := notFound(err); ok && !list.begun {
		err = c.byTag(ctx, t, list, missing.Code == nameUnknown)
		c.learn(t, missing, err)
	}
	return list.settle(ctx, err)
}

// notFound returns what the registry said when it said 404.
func notFound(err error) (*problem.Problem, bool) {
	var e *Error
	var p *problem.Problem
	if errors.As(err, &e) && e.Code == report.NotFound && errors.As(err, &p) && p.Status == http.StatusNotFound {
		return p, true
	}
	return nil, false
}

// byAPI walks the pages of the Referrers API.
func (c *Client) byAPI(ctx context.Context, t target, list *collector) error {
	r := request{
		kind: KindReferrers, method: http.MethodGet, repository: t.repository, path: "referrers/" + list.subject.String(),
		accept: ocispec.MediaTypeImageIndex, limit: c.o.Limits.IndexBytes,
	}
	if list.wanted != "" {
		r.query = url.Values{"artifactType": {list.wanted}}.Encode()
	}
	for page := 0; ; page++ {
		if page == c.o.Limits.ReferrerPages {
			return &Error{Code: report.TooMany, Host: t.host.name, Op: r.op(), Err: fmt.Errorf("the list has more than %d pages", page)}
		}
		next, err := c.page(ctx, t, list, r)
		if err != nil || next == "" {
			return err
		}
		if next == r.query {
			return t.host.failure(r, http.StatusOK, invalid("the list's next page is the page itself"))
		}
		r.query = next
	}
}

// page adds one page to list and returns the query of the next, "" for the last.
func (c *Client) page(ctx context.Context, t target, list *collector, r request) (next string, err error) {
	r = c.recall(ctx, t.host, r)
	a, err := c.exchange(ctx, t.host, r)
	if err != nil {
		return "", err
	}
	index, err := parseIndex(a.body, contentType(a.header))
	if err != nil {
		return "", t.host.failure(r, http.StatusOK, err)
	}
	c.remember(r, a)
	if err := list.add(index.Manifests); err != nil {
		return "", t.host.failure(r, http.StatusOK, err)
	}
	next, err = nextPage(a.header.Values("Link"), a.url)
	if err != nil {
		return "", t.host.failure(r, http.StatusOK, err)
	}
	c.learnAPI(t)
	return next, nil
}
