// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// target is a repository where it can be asked for: at a mirror or at its origin.
type target struct {
	host       *host
	repository string
	mirror     bool
}

// targets returns the mirrors of ref's registry in order, then the origin.
func (c *Client) targets(ref reference.Reference) ([]target, error) {
	var all []target
	for _, m := range match(c.rules, ref.Registry).mirrors {
		h, err := c.host(m.host)
		if err != nil {
			return nil, err
		}
		repository := ref.Repository
		if m.prefix != "" {
			repository = m.prefix + "/" + repository
		}
		all = append(all, target{host: h, repository: repository, mirror: true})
	}
	h, err := c.host(ref.Registry)
	return append(all, target{host: h, repository: ref.Repository}), err
}

// ask puts one question to the targets of ref until one answers.
//
// A mirror is a convenience, not an authority: its failures, its 404, its lies
// and, as enough says, its "nothing here" only mean that the next is asked. So
// the last word, and every error, is the origin's.
func ask[T any](ctx context.Context, c *Client, ref reference.Reference, question func(context.Context, target) (T, error), enough func(T) bool) (T, error) {
	var none T
	if err := c.admit(ref); err != nil {
		return none, err
	}
	all, err := c.targets(ref)
	if err != nil {
		return none, &Error{Code: report.Internal, Host: ref.Registry, Err: err}
	}
	for i, t := range all[:len(all)-1] {
		if !t.host.health.Worth() {
			continue
		}
		got, err := askMirror(ctx, t, len(all)-i, question)
		if err == nil && enough(got) {
			return got, nil
		}
		if ctx.Err() != nil {
			break // the origin's error says so
		}
		if _, passing := Classify(err); err != nil && passing {
			t.host.health.Rest()
		}
	}
	return question(ctx, all[len(all)-1])
}

// mirrorTimeout is what a mirror gets when the caller set no deadline.
const mirrorTimeout = 10 * time.Second

// askMirror gives a mirror its share of the time that is left, so that one that
// hangs does not use up the origin's.
func askMirror[T any](ctx context.Context, t target, left int, question func(context.Context, target) (T, error)) (T, error) {
	share := mirrorTimeout
	if deadline, ok := ctx.Deadline(); ok {
		share = min(share, time.Until(deadline)/time.Duration(left))
	}
	ctx, cancel := context.WithTimeout(withoutRetry(ctx), share)
	defer cancel()
	return question(ctx, t)
}

// always is enough for questions whose answer is the same wherever it is found.
func always[T any](T) bool { return true }
