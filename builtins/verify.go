// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

func verifyOne() builtin {
	trusts := newTrustCache()
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.verify",
			Description: "Verifies the signatures attached to an image against a trust document. A bad signature, an unsigned image and " +
				"an unreachable registry are answers in the report, never errors; an invalid request or trust document stops evaluation.",
			Decl: types.NewFunction(
				types.Args(describe("request", requestType(verifyKeys), requestDescription(verifyKeys))),
				describe("report", reportType(), reportDescription),
			),
			Nondeterministic: true, // asks registries, depends on the clock
		},
		eval: func(c call) (ast.Value, error) {
			q, err := verifyRequest(c, trusts, c.operands[0].Value, "")
			if err != nil {
				return nil, err
			}
			return reportValue(c.service.Verify(c.ctx, q)), nil
		},
	}
}

func verifyAll() builtin {
	trusts := newTrustCache()
	return builtin{
		decl: &ast.Builtin{
			Name: "ratify.verify_all",
			Description: "Verifies many images at once, as `ratify.verify` does for one. The reports come in the order of the requests; " +
				"a slow or broken image does not hold up the others.",
			Decl: types.NewFunction(
				types.Args(describe("requests", list(requestType(verifyKeys)), "a list of requests, each "+requestDescription(verifyKeys))),
				describe("reports", list(reportType()), "for each request "+reportDescription),
			),
			Nondeterministic: true, // asks registries, depends on the clock
		},
		eval: func(c call) (ast.Value, error) {
			requests, ok := c.operands[0].Value.(*ast.Array)
			if !ok {
				return nil, wrong("", "must be an array of requests, is %s", ast.ValueName(c.operands[0].Value))
			}
			queries := make([]verify.Request, requests.Len())
			for i := range queries {
				var err error
				if queries[i], err = verifyRequest(c, trusts, requests.Elem(i).Value, fmt.Sprintf("[%d]", i)); err != nil {
					return nil, err
				}
			}
			return array(c.service.VerifyAll(c.ctx, queries), reportValue), nil
		},
	}
}

// verifyRequest decodes one request and compiles its trust document.
func verifyRequest(c call, trusts *trustCache, v ast.Value, path string) (verify.Request, error) {
	r, err := parseRequest(v, path, verifyKeys)
	if err != nil {
		return verify.Request{}, err
	}
	return r.question(c, trusts, path)
}

// question is the engine's form of a request.
func (r *request) question(c call, trusts *trustCache, path string) (q verify.Request, err error) {
	q = verify.Request{
		Image: r.image, Platform: r.platform, Annotations: r.annotations, PredicateType: r.predicateType,
		Timeout: timeout(c.ctx, r.timeout), Fresh: r.fresh, MaxStale: r.maxStale,
	}
	if r.trust == nil {
		q.Trust, q.Untrusted = c.service.LocalTrust()
		return q, nil
	}
	q.Trust, err = trusts.compile(c.ctx, c.service, r.trust, path+".trust")
	return q, err
}

// lookup is the question about an image that trust plays no part in.
func (r *request) lookup(c call) service.Question {
	return service.Question{
		Image: r.image, Platform: r.platform, Timeout: timeout(c.ctx, r.timeout),
		Freshness: evidence.Freshness{Fresh: r.fresh, MaxStale: r.maxStale},
	}
}

// timeout is the shorter of what the request and what its caller allows. Zero:
// neither says anything.
func timeout(ctx context.Context, asked time.Duration) time.Duration {
	allowed := budget(ctx)
	if asked == 0 || allowed != 0 && allowed < asked {
		return allowed
	}
	return asked
}
