// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// progress tells those who wait which stage their run has reached.
type progress struct {
	stage   atomic.Value
	waiting int // guarded by progresses.mu
}

func (p *progress) at() report.Stage {
	if s, ok := p.stage.Load().(report.Stage); ok {
		return s
	}
	return report.StageResolve
}

// progresses finds the progress of the run that answers a question. The zero
// value is ready to use.
type progresses struct {
	mu sync.Mutex
	of map[string]*progress
}

func (ps *progresses) join(question string) *progress {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.of == nil {
		ps.of = map[string]*progress{}
	}
	p := ps.of[question]
	if p == nil {
		p = &progress{}
		ps.of[question] = p
	}
	p.waiting++
	return p
}

func (ps *progresses) leave(question string, p *progress) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.waiting--; p.waiting == 0 {
		delete(ps.of, question)
	}
}

// share answers from a run that everybody with the same question shares. Who
// wants fresh answers shares with nobody.
func (e *Engine) share(ctx context.Context, req Request, ref reference.Reference, readings []reading) *report.Report {
	ctx, cancel := context.WithTimeout(ctx, e.patience(req))
	defer cancel()
	q := question(req, ref)
	if req.Fresh {
		q = keyOf(q, strconv.FormatUint(e.fresh.Add(1), 10))
	}
	p := e.progresses.join(q)
	defer e.progresses.leave(q, p)
	r, err := e.flight.Do(ctx, q, func(ctx context.Context) (*report.Report, error) {
		if err := e.places.Enter(ctx, ref.Registry, 0); err != nil {
			return nil, err
		}
		defer e.places.Leave(ref.Registry)
		return e.run(ctx, p, req, ref, readings), nil
	})
	if err != nil {
		return e.gaveUp(req.Image, ref, p.at(), err)
	}
	if r.Image == req.Image {
		return r
	}
	own := r.Copy() // the caller's own spelling
	own.Image = req.Image
	return own
}

// patience is how long the answer to req may take.
func (e *Engine) patience(req Request) time.Duration { return cmp.Or(req.Timeout, e.options.Timeout) }

// question is what a run depends on, as a key. Two spellings of one reference
// are one question.
func question(req Request, ref reference.Reference) string {
	return keyOf(ref.String(), req.Platform, req.MaxStale.String(), demands(req))
}

// gaveUp is the report for a caller whose time ran out, or whose run died.
func (e *Engine) gaveUp(image string, ref reference.Reference, at report.Stage, err error) *report.Report {
	why := report.Error{Code: report.Timeout, Stage: at, Retryable: true, Unseen: true}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		why.Message = fmt.Sprintf("timeout at stage %s of %s; it goes on in the background: ask again", at, ref)
	case errors.Is(err, context.Canceled):
		why.Message = fmt.Sprintf("cancelled at stage %s of %s", at, ref)
	case errors.Is(err, evidence.ErrPanic):
		why.Code, why.Retryable = report.Internal, false
		why.Message = fmt.Sprintf("internal fault at stage %s of %s (the image is denied; please report it): %s", at, ref, oneLine(err))
	default:
		why.Code, why.Retryable = e.options.Classify(err)
		why.Message = oneLine(err)
	}
	r := refused(image, why)
	r.Reference, r.Digest = ref.String(), ref.Digest.String()
	return r
}

func (e *Engine) stage(ctx context.Context, p *progress, s report.Stage) (context.Context, func(error)) {
	p.stage.Store(s)
	return e.options.Stage(ctx, string(s))
}

// oneLine keeps an error's first line, bounded: messages end in admission
// reviews and logs, and a stack trace belongs to neither.
func oneLine(err error) string {
	const most = 600
	s, _, _ := strings.Cut(err.Error(), "\n")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
