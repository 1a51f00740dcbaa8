// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// Question asks what an image is, not who vouches for it.
type Question struct {
	// Image is the reference as the caller wrote it. Required.
	Image string
	// Platform selects the child of an index, "os/architecture[/variant]". "":
	// what the reference names.
	Platform string
	// Timeout bounds the answer. Zero: the configuration's.
	Timeout time.Duration
	// Freshness says how old the answer may be. Zero: as the configuration says.
	Freshness evidence.Freshness
}

// Answer is what all answers to a [Question] have in common.
type Answer struct {
	Image      string
	Reference  string // registry/repository@digest, or as far as it is known
	Descriptor ocispec.Descriptor
	Stale      []report.Stale
	Errors     []report.Error

	ref reference.Reference
}

// Resolve answers which descriptor the image names now.
func (s *Service) Resolve(ctx context.Context, q Question) Answer {
	ctx, cancel := s.bound(ctx, q)
	defer cancel()
	a := parse(q)
	if a.failed() {
		return a
	}
	desc, age, err := s.store.Resolve(ctx, a.ref, q.Freshness)
	if err != nil {
		a.fail(report.StageResolve, "resolve "+a.ref.String(), err)
		return a
	}
	a.restsOn(report.StageResolve, "resolve "+a.ref.String(), age)
	a.is(desc)
	return a
}

// Referrers lists what is attached to the image, unverified. The list may be
// incomplete; the answer's errors say so.
func (s *Service) Referrers(ctx context.Context, q Question, artifactType string) (Answer, []ocispec.Descriptor) {
	ctx, cancel := s.bound(ctx, q)
	defer cancel()
	a := s.Resolve(ctx, q)
	if a.failed() {
		return a, nil
	}
	doing := "list referrers of " + a.ref.String()
	list, age, err := s.store.Referrers(ctx, a.ref, artifactType, q.Freshness)
	if err != nil {
		a.fail(report.StageReferrers, doing, err)
	}
	a.restsOn(report.StageReferrers, doing, age)
	return a, list
}

// Manifest fetches the manifest the image names; with a platform, that of the
// child.
func (s *Service) Manifest(ctx context.Context, q Question) (Answer, []byte) {
	ctx, cancel := s.bound(ctx, q)
	defer cancel()
	a := parse(q)
	if !a.failed() && a.ref.Digest == "" {
		a = s.Resolve(ctx, q)
	}
	if a.failed() {
		return a, nil
	}
	a.Descriptor.Digest = a.ref.Digest
	raw := s.fetch(ctx, &a, a.Descriptor)
	if a.failed() || q.Platform == "" || !verify.IsIndex(a.Descriptor.MediaType) {
		return a, raw
	}
	children, err := verify.SelectChildren(raw, q.Platform)
	if err != nil || len(children) != 1 {
		a.refuse(report.PlatformNotFound, report.StageResolve, fmt.Sprintf("index %s: %v; name one platform", a.Reference, orMany(err)))
		return a, nil
	}
	return a, s.fetch(ctx, &a, children[0])
}

// ImageConfig fetches the configuration of the image, or of the child of an
// index that the platform names.
func (s *Service) ImageConfig(ctx context.Context, q Question) (Answer, []byte) {
	ctx, cancel := s.bound(ctx, q)
	defer cancel()
	a, raw := s.Manifest(ctx, q)
	if a.failed() {
		return a, nil
	}
	if verify.IsIndex(a.Descriptor.MediaType) {
		a.refuse(report.PlatformNotFound, report.StageResolve, a.Reference+` is an index and has no configuration of its own; name a "platform", such as "linux/amd64"`)
		return a, nil
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Config.Digest.Validate() != nil {
		a.refuse(report.InvalidResponse, report.StageFetch, "the manifest of "+a.Reference+" names no configuration")
		return a, nil
	}
	m.Config.URLs, m.Config.Data = nil, nil
	config, err := s.store.Blob(ctx, a.ref, m.Config)
	if err != nil {
		a.fail(report.StageFetch, "fetch configuration of "+a.Reference, err)
	}
	return a, config
}

// fetch brings a manifest and makes it what the answer is about.
func (s *Service) fetch(ctx context.Context, a *Answer, desc ocispec.Descriptor) []byte {
	complete, raw, err := s.store.Manifest(ctx, a.ref, desc)
	if err != nil {
		a.fail(report.StageFetch, "fetch manifest "+desc.Digest.String()+" of "+a.ref.Name(), err)
		return nil
	}
	a.is(complete)
	return raw
}

func (s *Service) bound(ctx context.Context, q Question) (context.Context, context.CancelFunc) {
	timeout := q.Timeout
	if timeout == 0 {
		timeout = s.config.Timeout
	}
	return context.WithTimeout(ctx, timeout)
}

func parse(q Question) Answer {
	ref, err := reference.Parse(q.Image)
	a := Answer{Image: q.Image, Reference: ref.String(), ref: ref}
	if err != nil {
		a.refuse(report.InvalidReference, report.StageParse, err.Error())
	}
	return a
}

// is fixes the subject of the answer.
func (a *Answer) is(desc ocispec.Descriptor) {
	a.Descriptor = ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
	a.ref = a.ref.WithDigest(digest.Digest(desc.Digest.String()))
	a.Reference = a.ref.String()
}

func (a *Answer) failed() bool { return len(a.Errors) > 0 }

func (a *Answer) refuse(code report.Code, stage report.Stage, message string) {
	a.Errors = append(a.Errors, report.Error{Code: code, Stage: stage, Message: message})
}

func (a *Answer) fail(stage report.Stage, doing string, err error) {
	code, retryable := classify(err)
	a.Errors = append(a.Errors, report.Error{Code: code, Stage: stage, Message: doing + ": " + err.Error(), Retryable: retryable})
}

// restsOn notes an answer of the store that is out of date.
func (a *Answer) restsOn(stage report.Stage, doing string, age evidence.Age) {
	if age.Stale {
		a.Stale = append(a.Stale, verify.Staleness(stage, doing, age, classify))
	}
}

func orMany(err error) error {
	if err == nil {
		return errors.New("more than one child matches")
	}
	return err
}
