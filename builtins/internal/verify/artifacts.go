// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// Artifact is one referrer, an SBOM or a scan, judged as a subject of its own.
type Artifact struct {
	Descriptor ocispec.Descriptor
	// Report is about the artifact itself: who signed the SBOM, not the image.
	Report *report.Report
	// Contents are its blobs. Nil unless the report says verified: there is no
	// way to read first and verify later.
	Contents []Content
}

// Content is one blob of a verified artifact.
type Content struct {
	Descriptor ocispec.Descriptor
	Bytes      []byte
}

// Artifacts lists the referrers of one artifact type and verifies each of them
// by the request's trust document, concurrently. The report is about the image
// as far as listing went; it has no signatures and its verdict says nothing.
//
// Spec: OCI distribution v1.1.1, "Listing Referrers".
func (e *Engine) Artifacts(ctx context.Context, req Request, artifactType string) (*report.Report, []Artifact) {
	ctx, cancel := context.WithTimeout(ctx, e.patience(req))
	defer cancel()
	r := &report.Report{Image: req.Image}
	ref, err := reference.Parse(req.Image)
	if err != nil {
		r.Errors = []report.Error{{Code: report.InvalidReference, Message: err.Error(), Stage: report.StageParse, Unseen: true}}
		return r.Conclude(), nil
	}
	j := newJob(e, &progress{}, req, nil)
	subject, desc, err := j.resolve(ctx, ref)
	r.Reference, r.Digest, r.MediaType = subject.String(), subject.Digest.String(), desc.MediaType
	if err != nil {
		r.Errors = []report.Error{e.unseen(report.StageResolve, "resolve "+ref.String(), err)}
		return r.Conclude(), nil
	}
	referrers, age, err := e.options.Source.Referrers(ctx, subject, artifactType, j.freshness)
	j.restsOn(report.StageReferrers, "list referrers of "+r.Reference, age)
	r.Stale = j.basis.stale
	if err != nil {
		r.Errors = append(r.Errors, e.unseen(report.StageReferrers, "list referrers of "+r.Reference, err))
	}
	if most := e.options.MaxSignatures; len(referrers) > most {
		r.Errors = append(r.Errors, report.Error{
			Code: report.TooMany, Stage: report.StageReferrers, Unseen: true,
			Message: fmt.Sprintf("%s has %d artifacts of type %s; only the first %d were judged (plugins.ratify.limits.signatures)", subject, len(referrers), artifactType, most),
		})
		referrers = referrers[:most]
	}
	artifacts := make([]Artifact, len(referrers))
	faults := parallel(len(referrers), maxParallel, func(i int) { artifacts[i] = e.artifact(ctx, req, subject, referrers[i]) })
	for i, fault := range faults {
		if fault != nil {
			artifacts[i] = Artifact{Descriptor: referrers[i], Report: refused(subject.Name()+"@"+referrers[i].Digest.String(), report.Error{
				Code: report.Internal, Stage: report.StageVerify, Unseen: true, Message: "internal fault: " + oneLine(fault),
			})}
		}
	}
	return r.Conclude(), artifacts
}

func (e *Engine) artifact(ctx context.Context, req Request, subject reference.Reference, desc ocispec.Descriptor) Artifact {
	itself := subject.WithDigest(desc.Digest)
	a := Artifact{Descriptor: desc, Report: e.Verify(ctx, Request{
		Image: itself.String(), Trust: req.Trust, Untrusted: req.Untrusted, Annotations: req.Annotations,
		Fresh: req.Fresh, MaxStale: req.MaxStale,
	})}
	if !a.Report.Verified {
		a.Descriptor.Annotations = nil // nobody vouches for them
		return a
	}
	m, why := e.artifactManifest(ctx, itself, desc, subject)
	var contents []Content
	if why == nil {
		contents, why = e.contents(ctx, itself, m)
	}
	if why != nil {
		failed := a.Report.Copy()
		failed.Errors = append([]report.Error{*why}, failed.Errors...)
		failed.Verified, failed.Verdict = false, report.Rejected
		if why.Unseen {
			failed.Verdict = report.Inconclusive
		}
		a.Report, a.Descriptor.Annotations = failed, nil
		return a
	}
	a.Descriptor.Annotations, a.Contents = m.Annotations, contents
	return a
}

// artifactManifest fetches the manifest of a verified artifact. It must say itself
// that it is about the subject: a registry could list the signed scan of another
// image, or an old one under the annotations of a new one.
//
// Spec: OCI image v1.1.1, "Image Manifest Property Descriptions", subject.
func (e *Engine) artifactManifest(ctx context.Context, itself reference.Reference, desc ocispec.Descriptor, subject reference.Reference) (m ocispec.Manifest, why *report.Error) {
	what := "fetch artifact " + itself.String()
	_, raw, err := e.options.Source.Manifest(ctx, itself, desc)
	if err != nil {
		return m, new(e.unseen(report.StageFetch, what, err))
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, &report.Error{Code: report.InvalidResponse, Stage: report.StageFetch, Unseen: true, Message: what + ": not a manifest: " + oneLine(err)}
	}
	if m.Subject == nil || m.Subject.Digest != subject.Digest {
		return m, &report.Error{Code: report.SubjectMismatch, Stage: report.StageVerify, Message: fmt.Sprintf(
			"%s is listed among the referrers of %s and is not about it", itself, subject)}
	}
	return m, nil
}

// contents fetches the blobs of a verified artifact, within MaxBytes.
func (e *Engine) contents(ctx context.Context, itself reference.Reference, m ocispec.Manifest) ([]Content, *report.Error) {
	what := "fetch artifact " + itself.String()
	var contents []Content
	left := e.options.MaxBytes
	for _, layer := range m.Layers {
		if left -= layer.Size; layer.Size < 0 || left < 0 {
			return nil, &report.Error{
				Code: report.TooLarge, Stage: report.StageFetch, Unseen: true,
				Message: fmt.Sprintf("%s: its blobs exceed %d bytes (plugins.ratify.limits.total_bytes)", what, e.options.MaxBytes),
			}
		}
		blob, err := e.options.Source.Blob(ctx, itself, layer)
		if err != nil {
			return nil, new(e.unseen(report.StageFetch, what, err))
		}
		contents = append(contents, Content{Descriptor: layer, Bytes: blob})
	}
	return contents, nil
}
