// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
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
	inputs    *inputs
	settings  config.Gatekeeper
	remote    string // address of the client, for decision logs
	id        string // of the request, common to its decisions

	txn       storage.Transaction
	query     query
	cancel    topdown.Cancel // of all evaluations
	decisions *logs.Plugin   // nil: no decision log, and then nothing below it
	revisions map[string]server.BundleInfo
	ndCache   bool // the log wants the results of built-ins
}

// decideAll returns the outcome of every distinct key.
func (p *Provider) decideAll(ctx context.Context, r round, keys []string) map[string]outcome {
	outcomes := make(map[string]outcome, len(keys))
	open := make(map[string]question)
	var order []question
	for _, key := range keys {
		if _, seen := outcomes[key]; seen {
			continue
		}
		q, err := parseKey(key)
		if err != nil {
			outcomes[key] = outcome{question: q, err: err.Error()}
			r.note(ctx, outcomes[key], "", 0)
			continue
		}
		outcomes[key] = outcome{question: q}
		open[key] = q
		order = append(order, q)
	}
	r.id = uuid.NewString()
	results := r.run(logging.WithBatchDecisionID(ctx, r.id), order)
	r.collect(ctx, results, open, outcomes)
	return outcomes
}

// run begins to decide the questions, so many at a time, and returns where the
// outcomes arrive. The transaction ends with the last evaluation: usually before
// collect returns, but an evaluation that ignores its deadline keeps it.
func (r *round) run(ctx context.Context, questions []question) <-chan outcome {
	results := make(chan outcome, len(questions))
	if failed := r.begin(ctx); failed.cause != "" {
		for _, q := range questions {
			failed.question = q
			r.note(ctx, failed, "", 0)
			results <- failed
		}
		return results
	}
	queue := make(chan question, len(questions))
	for _, q := range questions {
		queue <- q
	}
	close(queue)
	r.cancel = topdown.NewCancel()
	stop := context.AfterFunc(ctx, r.cancel.Cancel)
	var workers sync.WaitGroup
	for range min(r.settings.Concurrency, len(questions)) {
		workers.Go(func() {
			e := newEncoder()
			for q := range queue {
				results <- r.decide(ctx, q, e)
			}
		})
	}
	go func() {
		workers.Wait()
		stop()
		r.provider.manager.Store.Abort(context.WithoutCancel(ctx), r.txn)
	}()
	return results
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

// grace is what evaluations get to notice that time ran out, and say so
// themselves, before the answer goes out without them.
const grace = 50 * time.Millisecond

// collect fills outcomes until all questions are answered or time ran out.
func (r *round) collect(ctx context.Context, results <-chan outcome, open map[string]question, outcomes map[string]outcome) {
	done, late := ctx.Done(), (<-chan time.Time)(nil)
	for len(open) > 0 {
		select {
		case out := <-results:
			outcomes[out.question.key] = out
			delete(open, out.question.key)
		case <-done:
			done, late = nil, time.After(grace)
		case <-late:
			for key, q := range open {
				outcomes[key] = r.stopped(ctx, q)
				r.note(ctx, outcomes[key], "", 0)
			}
			return
		}
	}
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
