// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// collector gathers a list of referrers page by page.
type collector struct {
	client  *Client
	target  target
	subject digest.Digest
	wanted  string // artifact type, "" for all
	seen    map[digest.Digest]bool
	entries []entry
	begun   bool // a page has been read
}

// entry is a listed referrer. doubtful means that its artifact type has to be
// read from its manifest.
type entry struct {
	desc     ocispec.Descriptor
	doubtful bool
	drop     bool
}

func (c *Client) newCollector(t target, subject digest.Digest, artifactType string) *collector {
	return &collector{client: c, target: t, subject: subject, wanted: artifactType, seen: map[digest.Digest]bool{}}
}

// add takes one page. The error says that the limit is reached.
func (l *collector) add(page []ocispec.Descriptor) error {
	l.begun = true
	for _, desc := range page {
		if !usable(desc) || desc.Digest == l.subject || l.seen[desc.Digest] {
			continue
		}
		e, keep := l.sort(desc)
		if !keep {
			continue
		}
		if limit := l.client.o.Limits.Referrers; len(l.entries) == limit {
			return &Error{Code: report.TooMany, Host: l.target.host.name, Err: fmt.Errorf("%s has more than %d referrers of the wanted type", l.subject, limit)}
		}
		l.seen[desc.Digest] = true
		l.entries = append(l.entries, e)
	}
	return nil
}

// usable drops entries that nobody could ask for.
func usable(desc ocispec.Descriptor) bool {
	return valid(desc.Digest) && desc.Size > 0 && desc.MediaType != ""
}

// sort decides by the listed artifact type.
//
// The wanted type stays and another goes, with one exception: no type, and the
// type of a config, are what registries list that do not read the manifest's
// artifactType (go-containerregistry lists the config's). Neither can be what a
// signer chose, so that entry's manifest is read and its word counts. Whether the
// registry says that it filtered (OCI-Filters-Applied) makes no difference: with
// the filter applied there is nothing else to sort.
func (l *collector) sort(desc ocispec.Descriptor) (e entry, keep bool) {
	if unreported(desc) {
		return entry{desc: desc, doubtful: true}, true
	}
	return entry{desc: desc}, l.wanted == "" || desc.ArtifactType == l.wanted
}

// unreported reports whether the listed artifact type is none that anybody gave.
func unreported(desc ocispec.Descriptor) bool {
	switch desc.ArtifactType {
	case "", ocispec.MediaTypeEmptyJSON, ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
		return isManifestType(desc.MediaType)
	}
	return false
}

const (
	// maxDoubtful manifests are read to learn their artifact type: a registry that
	// reports none makes each of them one more request.
	maxDoubtful = 64
	// doubtfulAtOnce of them are read at the same time.
	doubtfulAtOnce = 8
)

// settle reads the doubtful entries' manifests and returns the list beside err,
// the error the listing ended with.
func (l *collector) settle(ctx context.Context, err error) ([]ocispec.Descriptor, error) {
	doubtful := make([]*entry, 0, len(l.entries))
	for i := range l.entries {
		if l.entries[i].doubtful {
			doubtful = append(doubtful, &l.entries[i])
		}
	}
	if len(doubtful) > maxDoubtful {
		for _, e := range doubtful[maxDoubtful:] {
			e.drop = l.wanted != ""
		}
		doubtful = doubtful[:maxDoubtful]
		err = errors.Join(err, &Error{
			Code: report.TooMany, Host: l.target.host.name,
			Err: fmt.Errorf("the registry lists more than %d referrers of %s without their artifact type", maxDoubtful, l.subject),
		})
	}
	err = errors.Join(err, l.read(ctx, doubtful))
	return l.list(), first(err)
}

// read fills in the artifact types of es; it returns when all are known or failed.
func (l *collector) read(ctx context.Context, es []*entry) error {
	errs := make([]error, len(es))
	var wg sync.WaitGroup
	slots := make(chan struct{}, doubtfulAtOnce)
	for i, e := range es {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = l.readOne(ctx, e)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *collector) readOne(ctx context.Context, e *entry) error {
	r := manifestRequest(l.target.repository, "", e.desc.Digest, l.client.o.Limits.ManifestBytes)
	r.size = e.desc.Size
	found, _, err := l.client.manifest(ctx, l.target, r, e.desc.MediaType)
	if _, gone := notFound(err); gone {
		e.drop = true // listed, but not there: nobody can verify it
		return nil
	}
	if err != nil {
		e.drop = l.wanted != ""
		return err
	}
	e.desc.ArtifactType = found.ArtifactType
	e.drop = l.wanted != "" && found.ArtifactType != l.wanted
	return nil
}

func (l *collector) list() []ocispec.Descriptor {
	kept := slices.DeleteFunc(l.entries, func(e entry) bool { return e.drop })
	list := make([]ocispec.Descriptor, 0, len(kept))
	for _, e := range kept {
		list = append(list, e.desc)
	}
	return list
}

// first returns the first [*Error] in err, as callers get one.
func first(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return err
}
