// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// maxChildren bounds the children of an index that one request may demand. The
// largest official multi-platform images have about a dozen.
const maxChildren = 32

// CheckPlatform reports what is wrong with a request's platform: it is "*" or
// os/architecture[/variant], in lower case.
func CheckPlatform(s string) error {
	if s == "" || s == "*" {
		return nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") || strings.ToLower(s) != s {
		return fmt.Errorf(`%q is not a platform; write os/architecture[/variant], such as "linux/arm64", or "*" for every child`, s)
	}
	return nil
}

// IndexMediaTypes lists the media types of an index.
var indexMediaTypes = []string{ocispec.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json"}

// IsIndex reports whether a media type is that of an index.
func IsIndex(mediaType string) bool { return slices.Contains(indexMediaTypes, mediaType) }

// childrenLater starts to judge the children that the request's platform
// demands, beside the subject itself. The function it returns waits for them.
func (j *job) childrenLater(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor) func([]report.Error) ([]report.Platform, ocispec.Descriptor, []report.Error) {
	if j.request.Platform == "" {
		return func(errs []report.Error) ([]report.Platform, ocispec.Descriptor, []report.Error) {
			return nil, desc, errs
		}
	}
	var platforms []report.Platform
	var why *report.Error
	done := make(chan []error, 1)
	go func() {
		done <- parallel(1, maxParallel, func(int) { platforms, desc, why = j.children(ctx, subject, desc) })
	}()
	return func(errs []report.Error) ([]report.Platform, ocispec.Descriptor, []report.Error) {
		if fault := (<-done)[0]; fault != nil {
			why = &report.Error{Code: report.Internal, Stage: report.StageVerify, Unseen: true, Message: "internal fault: " + oneLine(fault)}
		}
		if why != nil {
			platforms = append(platforms, report.Platform{Platform: j.request.Platform, Errors: []report.Error{*why}})
		}
		return platforms, desc, errs
	}
}

// children judges every demanded child. A subject that is not an index has
// none: what the reference names is then all that runs.
func (j *job) children(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor) ([]report.Platform, ocispec.Descriptor, *report.Error) {
	if desc.MediaType != "" && !IsIndex(desc.MediaType) {
		return nil, desc, nil
	}
	desc, raw, err := j.options.Source.Manifest(ctx, subject, desc)
	if err != nil {
		return nil, desc, new(j.unseen(report.StageFetch, "fetch manifest of "+subject.String(), err))
	}
	if !IsIndex(desc.MediaType) {
		return nil, desc, nil
	}
	wanted, err := SelectChildren(raw, j.request.Platform)
	if err != nil {
		return nil, desc, childError(subject, err)
	}
	platforms := make([]report.Platform, len(wanted))
	faults := parallel(len(wanted), maxParallel, func(i int) {
		child := wanted[i]
		p := report.Platform{Platform: platformOf(child), Digest: child.Digest.String(), MediaType: child.MediaType}
		p.Signatures, _, p.Errors = j.judge(ctx, subject.WithDigest(child.Digest), child)
		platforms[i] = p
	})
	return platforms, desc, childFault(errors.Join(faults...))
}

func childFault(err error) *report.Error {
	if err == nil {
		return nil
	}
	return &report.Error{Code: report.Internal, Stage: report.StageVerify, Unseen: true, Message: "internal fault: " + oneLine(err)}
}

// Errors of [SelectChildren].
var (
	errTooManyChildren = errors.New("too many children")
	ErrNoChild         = errors.New("no such platform")
)

func childError(subject reference.Reference, err error) *report.Error {
	why := &report.Error{Code: report.InvalidResponse, Stage: report.StageResolve, Message: fmt.Sprintf("index %s: %s", subject, oneLine(err)), Unseen: true}
	switch {
	case errors.Is(err, ErrNoChild):
		why.Code, why.Unseen = report.PlatformNotFound, false
	case errors.Is(err, errTooManyChildren):
		why.Code = report.TooMany
	}
	return why
}

// SelectChildren returns the children of an index that platform demands: the
// ones of that platform, or all of them for "*". Children of no platform
// (unknown/unknown: build attestations) never run and do not count. No child
// at all is an error that wraps [ErrNoChild] and names those there are.
//
// Spec: OCI image-spec v1.1.1, "OCI Image Index".
func SelectChildren(index []byte, platform string) ([]ocispec.Descriptor, error) {
	var parsed ocispec.Index
	if err := json.Unmarshal(index, &parsed); err != nil {
		return nil, fmt.Errorf("not an index: %w", err)
	}
	var wanted []ocispec.Descriptor
	var there []string
	for _, child := range parsed.Manifests {
		if err := child.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("child digest %q: %w", child.Digest, err)
		}
		if child.Platform == nil || child.Platform.OS == "unknown" {
			continue
		}
		there = append(there, platformOf(child))
		if platform == "*" || matchesPlatform(*child.Platform, platform) {
			wanted = append(wanted, child)
		}
	}
	switch {
	case len(wanted) == 0:
		return nil, fmt.Errorf("%w: %s is not among its platforms (%s)", ErrNoChild, platform, strings.Join(there[:min(len(there), maxChildren)], ", "))
	case len(wanted) > maxChildren:
		return nil, fmt.Errorf("%w: %d match; at most %d are judged", errTooManyChildren, len(wanted), maxChildren)
	}
	return wanted, nil
}

// matchesPlatform compares as container runtimes do: arm64 is arm64/v8, and a
// demand without variant accepts any.
func matchesPlatform(p ocispec.Platform, want string) bool {
	parts := strings.Split(want, "/")
	if p.OS != parts[0] || p.Architecture != parts[1] {
		return false
	}
	return len(parts) == 2 || variant(p.Architecture, p.Variant) == variant(parts[1], parts[2])
}

func variant(architecture, v string) string {
	if architecture == "arm64" && v == "v8" {
		return ""
	}
	return v
}

func platformOf(d ocispec.Descriptor) string {
	if d.Platform == nil {
		return ""
	}
	s := d.Platform.OS + "/" + d.Platform.Architecture
	if d.Platform.Variant != "" {
		s += "/" + d.Platform.Variant
	}
	return s
}
