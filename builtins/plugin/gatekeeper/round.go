// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/plugins/logs"
	"github.com/open-policy-agent/opa/v1/server"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// round is one request: all its keys see the same policies and data.
type round struct {
	provider  *Provider
	operation operation
	terms     *terms
	settings  config.Gatekeeper
	remote    string // address of the client, for decision logs
	id        string // of the request, common to its decisions

	txn       storage.Transaction
	query     query
	cancel    topdown.Cancel // of all evaluations without a time of their own
	decisions *logs.Plugin   // nil: no decision log, and then nothing below it
	revisions map[string]server.BundleInfo
	ndCache   bool // the log wants the results of built-ins
}

// outcomes are what became of the distinct keys of a request, in their order.
type outcomes struct {
	distinct []outcome
	of       []int // for every key of the request, its place in distinct
}

// decideAll decides about every distinct key.
func (p *Provider) decideAll(ctx context.Context, r round, keys []string) outcomes {
	all := outcomes{of: make([]int, len(keys)), distinct: make([]outcome, 0, len(keys))}
	questions := make([]question, 0, len(keys))
	places := make(map[string]int, len(keys))
	for i, key := range keys {
		place, seen := places[key]
		if !seen {
			place = len(all.distinct)
			places[key] = place
			q, err := parseKey(key)
			q.place = place
			out := outcome{question: q}
			if err == nil {
				questions = append(questions, q)
			} else {
				out.err = err.Error()
				r.note(ctx, out, "", time.Time{})
			}
			all.distinct = append(all.distinct, out)
		}
		all.of[i] = place
	}
	r.id = uuid.NewString()
	arrived := newArrivals(all.distinct, len(questions))
	r.run(logging.WithBatchDecisionID(ctx, r.id), questions, arrived)
	r.collect(ctx, questions, arrived)
	return all
}

// run begins to decide the questions. The transaction ends with the last evaluation:
// usually before collect returns, but an evaluation that ignores its deadline keeps it.
func (r *round) run(ctx context.Context, questions []question, arrived *arrivals) {
	if failed := r.begin(ctx); failed.cause != "" {
		for _, q := range questions {
			failed.question = q
			r.note(ctx, failed, "", time.Time{})
			arrived.add(failed)
		}
		return
	}
	r.cancel = topdown.NewCancel()
	stop := context.AfterFunc(ctx, r.cancel.Cancel)
	t := &team{crew: r.provider.crew, questions: questions, taken: make(chan struct{}), decide: func(i int, s *scratch) {
		share, cancel, end := r.share(ctx, len(questions)-i)
		defer end()
		s.cancel = cancel
		arrived.add(r.decide(share, questions[i], s))
	}}
	r.provider.crew.do(func() {
		t.work(&r.provider.scratch, r.settings.Concurrency)
		stop()
		r.provider.manager.Store.Abort(context.WithoutCancel(ctx), r.txn)
	})
}

// share is the time that a question gets: all that is left, if every question that
// is still open can be decided about at once, else its part of it, so that those
// that hang leave time for those behind them. Evaluation stops by what is returned
// beside it.
func (r *round) share(ctx context.Context, open int) (share context.Context, stop topdown.Cancel, end func()) {
	turns := (open + r.settings.Concurrency - 1) / r.settings.Concurrency
	deadline, limited := ctx.Deadline()
	if turns <= 1 || !limited {
		return ctx, r.cancel, func() {}
	}
	share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(turns))
	stop = topdown.NewCancel()
	context.AfterFunc(share, stop.Cancel)
	return share, stop, cancel
}

// begin opens the transaction and prepares the query. The outcome has a cause if
// that failed; no transaction is open then.
func (r *round) begin(ctx context.Context) (failed outcome) {
	p := r.provider
	txn, err := p.manager.Store.NewTransaction(ctx)
	if err != nil {
		return undecided(question{}, storeError, "internal: open a transaction: %v", err)
	}
	r.txn = txn
	defer func() {
		if failed.cause != "" {
			p.manager.Store.Abort(context.WithoutCancel(ctx), txn)
		}
	}()
	r.query, err = p.queries.of(p.manager.GetCompiler())
	switch {
	case errors.Is(err, errNoLibrary):
		return undecided(question{}, noLibrary, "%v", err)
	case err != nil:
		return undecided(question{}, evalFailed, "the policy has an error: %v", err)
	}
	if r.decisions = logs.Lookup(p.manager); r.decisions != nil {
		r.revisions = revisions(ctx, p.manager.Store, txn)
		c := p.manager.GetConfig()
		r.ndCache = c != nil && c.NDBuiltinCacheEnabled()
	}
	return outcome{}
}

// stopped is the outcome of a question for which there was no time.
func (r *round) stopped(ctx context.Context, q question) outcome {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		setting := "timeout"
		if r.operation.mutates() {
			setting = "mutation_timeout"
		}
		return undecided(q, timedOut, "timeout: no decision within %v (plugins.ratify.gatekeeper.%s)", r.operation.timeout(r.settings), setting)
	}
	return undecided(q, abandoned, "canceled: the client went away")
}

// recovering turns a panic into an outcome: one key is denied, the process lives.
func (r *round) recovering(q question, id string, work func() outcome) (out outcome) {
	defer func() {
		if v := recover(); v != nil {
			r.provider.manager.Logger().WithFields(map[string]any{"key": shorten(q.key, 256), "decision_id": id, "panic": v, "stack": string(debug.Stack())}).
				Error("A decision for Gatekeeper panicked.")
			out = undecided(q, panicked, "internal: a fault in opa-ratify; its log has more under decision %s", id)
		}
	}()
	return work()
}

func revisions(ctx context.Context, store storage.Store, txn storage.Transaction) map[string]server.BundleInfo {
	bundles := map[string]server.BundleInfo{}
	names, err := bundle.ReadBundleNamesFromStore(ctx, store, txn)
	if err != nil {
		return bundles // not found: no bundle is loaded
	}
	for _, name := range names {
		revision, err := bundle.ReadBundleRevisionFromStore(ctx, store, txn, name)
		if err == nil {
			bundles[name] = server.BundleInfo{Revision: revision}
		}
	}
	return bundles
}
