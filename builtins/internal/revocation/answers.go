// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"context"
	"sync"
	"time"
)

// Answers are the answers that one verification used. notation-go turns them
// into text; whoever explains its verdict needs the answers themselves.
type Answers struct {
	mu          sync.Mutex
	byValidator map[*Validator]*Answer
}

type answersKey struct{}

// WithAnswers returns a context under which validators note their answers.
func WithAnswers(ctx context.Context) (context.Context, *Answers) {
	a := &Answers{byValidator: map[*Validator]*Answer{}}
	return context.WithValue(ctx, answersKey{}, a), a
}

// answersOf returns nil, which notes nothing, if nobody wants to know.
func answersOf(ctx context.Context) *Answers {
	a, _ := ctx.Value(answersKey{}).(*Answers)
	return a
}

func (s *Answers) note(v *Validator, a *Answer) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byValidator[v] = a
}

// Of returns the answer of one validator, nil if it was not asked or did not
// come in time.
func (s *Answers) Of(v *Validator) *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byValidator[v]
}

// Until returns when the first of the answers ends; zero if none does.
func (s *Answers) Until() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var until time.Time
	for _, a := range s.byValidator {
		until = earliest(until, a.Until)
	}
	return until
}
