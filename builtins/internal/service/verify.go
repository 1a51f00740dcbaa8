// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// Verify reports on one image; see [verify.Engine.Verify].
func (s *Service) Verify(ctx context.Context, q verify.Request) *report.Report {
	defer s.metrics.Inflight()()
	r := s.engine.Verify(ctx, q)
	s.metrics.Verdict(string(r.Verdict), firstCode(r.Verified, r.Errors))
	return r
}

// VerifyAll reports on many images concurrently, in the order of the requests.
func (s *Service) VerifyAll(ctx context.Context, qs []verify.Request) []*report.Report {
	defer s.metrics.Inflight()()
	reports := s.engine.VerifyAll(ctx, qs)
	for _, r := range reports {
		s.metrics.Verdict(string(r.Verdict), firstCode(r.Verified, r.Errors))
	}
	return reports
}

// Artifacts verifies referrers of one artifact type; see
// [verify.Engine.Artifacts].
func (s *Service) Artifacts(ctx context.Context, q verify.Request, artifactType string) (*report.Report, []verify.Artifact) {
	defer s.metrics.Inflight()()
	return s.engine.Artifacts(ctx, q, artifactType)
}

// VerifyBlob reports on a detached signature; see [verify.Engine.VerifyBlob].
func (s *Service) VerifyBlob(ctx context.Context, q verify.BlobRequest) *report.Report {
	defer s.metrics.Inflight()()
	r := s.engine.VerifyBlob(ctx, q)
	s.metrics.Verdict(string(r.Verdict), firstCode(r.Verified, r.Errors))
	return r
}

// firstCode is the reason that is counted, "" for what is verified.
func firstCode(verified bool, errs []report.Error) string {
	if verified || len(errs) == 0 {
		return ""
	}
	return string(errs[0].Code)
}
