// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// summary says in one line why none of the signatures counts, by way of the one
// that came nearest. It is empty when one counts.
func summary(subject reference.Reference, kind string, signatures []report.Signature) []report.Error {
	nearest, most := 0, -1
	for i, s := range signatures {
		if s.Verified {
			return nil
		}
		if n := passed(s); n > most {
			nearest, most = i, n
		}
	}
	s := signatures[nearest]
	why := report.Error{Code: report.Internal, Stage: report.StageVerify, Message: "no reason given", Unseen: true}
	if len(s.Errors) > 0 {
		why = s.Errors[0]
	}
	what := fmt.Sprintf("the %s %s is not accepted", kind, s.Digest)
	if len(signatures) > 1 {
		what = fmt.Sprintf("none of the %d %ss is accepted: nearest is %s", len(signatures), kind, s.Digest)
	}
	why.Message = fmt.Sprintf("%s: %s: %s", subject, what, why.Message)
	why.Stage = cmp.Or(why.Stage, report.StageVerify)
	return []report.Error{why}
}

// passed counts how far a signature came.
func passed(s report.Signature) int {
	n := 0
	for _, c := range s.Checks {
		if c.Outcome == report.Passed {
			n++
		}
	}
	return n
}

// maxParallel bounds the concurrent steps within one run: all signatures that are
// looked at by default. The registry client bounds the requests per host.
const maxParallel = 64

// parallel calls f(0) … f(n-1), at most limit at a time, and returns when all
// are done. A panic in one call becomes that call's error: in a goroutine of
// ours it would otherwise end the process.
func parallel(n, limit int, f func(i int)) []error {
	errs := make([]error, n)
	call := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				errs[i] = fmt.Errorf("%w: %v\n%s", evidence.ErrPanic, p, debug.Stack())
			}
		}()
		f(i)
	}
	if n == 1 {
		call(0)
		return errs
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			call(i)
		})
	}
	wg.Wait()
	return errs
}

func orElse(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func failureErr(e *report.Error) error {
	if e == nil {
		return nil
	}
	return errors.New(string(e.Code))
}
