// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// candidate is a manifest that some reading understands.
type candidate struct {
	reading reading
	desc    ocispec.Descriptor
}

// source is one question to the registry that may name candidates.
type source struct {
	asking string // for error messages
	ask    func(context.Context) ([]ocispec.Descriptor, evidence.Age, error)
	accept func(ocispec.Descriptor) []reading
}

// list asks for everything the readings understand, all at once: the referrers,
// and the tags beside the subject. others are the predicate types of what says
// that it is not the one asked for, quoted.
func (j *job) list(ctx context.Context, subject reference.Reference) (candidates []candidate, others []string, errs []report.Error) {
	ctx, done := j.stage(ctx, j.progress, report.StageReferrers)
	sources := append(j.tags(subject), j.referrers(subject)...)
	lists := make([][]ocispec.Descriptor, len(sources))
	failures := make([]error, len(sources))
	ages := make([]evidence.Age, len(sources))
	faults := parallel(len(sources), maxParallel, func(i int) { lists[i], ages[i], failures[i] = sources[i].ask(ctx) })
	var last error
	for i, s := range sources {
		j.restsOn(report.StageReferrers, s.asking, ages[i])
		for _, d := range lists[i] {
			for _, r := range s.accept(d) {
				if skip, other := r.skip(d); !skip {
					candidates = append(candidates, candidate{r, d})
				} else if other != "" {
					others = append(others, other)
				}
			}
		}
		if err := orElse(faults[i], failures[i]); err != nil {
			last = err
			errs = append(errs, j.unseen(report.StageReferrers, s.asking, err))
		}
	}
	done(last)
	candidates, errs = j.capped(subject, candidates, errs)
	return candidates, quoted(others), errs
}

// referrers is one question for all readings. The registry filters if there is
// just one artifact type; several questions would cost more than they save.
func (j *job) referrers(subject reference.Reference) []source {
	var types []string
	for _, r := range j.readings {
		types = append(types, r.types...)
	}
	slices.Sort(types)
	types = slices.Compact(types)
	if len(types) == 0 {
		return nil
	}
	filter := ""
	if len(types) == 1 {
		filter = types[0]
	}
	return []source{{
		asking: "list referrers of " + subject.String(),
		ask: func(ctx context.Context) ([]ocispec.Descriptor, evidence.Age, error) {
			return j.options.Source.Referrers(ctx, subject, filter, j.freshness)
		},
		accept: func(d ocispec.Descriptor) (accepted []reading) {
			for _, r := range j.readings {
				if slices.Contains(r.types, d.ArtifactType) {
					accepted = append(accepted, r)
				}
			}
			return accepted
		},
	}}
}

// tags are the questions for tags beside the subject. That a tag does not exist
// is the usual answer and no failure.
func (j *job) tags(subject reference.Reference) []source {
	var sources []source
	for _, r := range j.readings {
		for _, tag := range r.tags(subject.Digest) {
			beside := reference.Reference{Registry: subject.Registry, Repository: subject.Repository, Tag: tag}
			sources = append(sources, source{
				asking: "resolve " + beside.String(),
				ask: func(ctx context.Context) ([]ocispec.Descriptor, evidence.Age, error) {
					d, age, err := j.options.Source.Probe(ctx, beside, j.freshness)
					if err != nil || d.Digest == "" {
						return nil, age, err
					}
					return []ocispec.Descriptor{d}, age, nil
				},
				accept: func(ocispec.Descriptor) []reading { return []reading{r} },
			})
		}
	}
	return sources
}

func (j *job) capped(subject reference.Reference, candidates []candidate, errs []report.Error) ([]candidate, []report.Error) {
	most := j.options.MaxSignatures
	if len(candidates) <= most {
		return candidates, errs
	}
	return candidates[:most], append(errs, report.Error{
		Code: report.TooMany, Stage: report.StageReferrers, Unseen: true,
		Message: fmt.Sprintf("%s has %d %ss; only the first %d were judged (plugins.ratify.limits.signatures)",
			subject, len(candidates), candidates[0].reading.what, most),
	})
}

// absent tells "unsigned" from "not there at all", which a referrers list does
// not. It costs a request only when there is nothing. others are the predicate
// types that are there instead, quoted.
func (j *job) absent(ctx context.Context, subject reference.Reference, desc ocispec.Descriptor, others []string) (mediaType string, why report.Error) {
	if desc.MediaType == "" {
		var age evidence.Age
		var err error
		ctx, done := j.stage(ctx, j.progress, report.StageResolve)
		desc, age, err = j.options.Source.Resolve(ctx, subject, j.freshness)
		done(err)
		j.restsOn(report.StageResolve, "resolve "+subject.String(), age)
		if err != nil {
			return "", j.unseen(report.StageResolve, "resolve "+subject.String(), err)
		}
	}
	var formats []string
	for _, r := range j.readings {
		formats = append(formats, r.format)
	}
	what, instead := j.readings[0].what, ""
	if len(others) > 0 {
		what += " of this predicate type"
		instead = "; not verified, there is " + report.Listed(distinct(others))
	}
	return desc.MediaType, report.Error{
		Code: report.NoSignature, Stage: report.StageReferrers,
		Message: fmt.Sprintf("no %s %s is attached to %s%s; %s", strings.Join(formats, " or "), what, subject, instead, j.remedy()),
	}
}

func (j *job) remedy() string {
	if j.request.PredicateType == "" {
		return "sign it, or exempt it in policy"
	}
	return fmt.Sprintf("attest it with predicate type %s", j.request.PredicateType)
}
