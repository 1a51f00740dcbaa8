// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"

	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// call is one call of a built-in.
type call struct {
	ctx      context.Context
	service  *service.Service
	operands []*ast.Term
}

// wrap adds what every built-in needs: memory within the query, metrics, and
// errors that stop evaluation instead of turning into undefined.
func (b builtin) wrap() topdown.BuiltinFunc {
	key, timer := any(memoKey(b.decl.Name)), "rego_builtin_"+strings.ReplaceAll(b.decl.Name, ".", "_")
	return func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		if !b.decl.Nondeterministic {
			value, err := b.evaluate(call{ctx: bctx.Context, operands: operands})
			if err != nil {
				return halt(bctx, b.decl.Name, err)
			}
			return iter(ast.NewTerm(value))
		}
		term, err := b.remembered(bctx, operands, memoOf(bctx.Cache, key), timer)
		if err != nil {
			return halt(bctx, b.decl.Name, err)
		}
		return iter(term)
	}
}

// remembered answers equal calls within one query alike: a policy that asks
// twice about a tag must not see two images. OPA's own memoisation is not used
// because its key joins the operands' texts without a separator.
func (b builtin) remembered(bctx topdown.BuiltinContext, operands []*ast.Term, memo *memo, timerName string) (*ast.Term, error) {
	if term, ok := memo.get(operands[0].Value); ok {
		return term, nil
	}
	current, err := service.Current()
	if err != nil {
		return nil, err
	}
	timer := bctx.Metrics.Timer(timerName)
	timer.Start()
	value, err := b.evaluate(call{ctx: bctx.Context, service: current, operands: operands})
	timer.Stop()
	if ctxErr := bctx.Context.Err(); ctxErr != nil {
		return nil, ctxErr
	}
	if err != nil {
		return nil, err
	}
	term := ast.NewTerm(value)
	memo.put(operands[0].Value, term)
	return term, nil
}

// evaluate turns a panic into an error that stops evaluation.
func (b builtin) evaluate(c call) (value ast.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal fault, please report it: %v", p)
		}
	}()
	return b.eval(c)
}

// halt stops evaluation: an undefined result could open a deny rule.
func halt(bctx topdown.BuiltinContext, name string, err error) error {
	code := topdown.BuiltinErr
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		code = topdown.CancelErr
	case errors.As(err, new(*operandError)), errors.As(err, new(builtins.ErrOperand)):
		code = topdown.TypeErr
	}
	return topdown.Halt{Err: &topdown.Error{Code: code, Location: bctx.Location, Message: name + ": " + err.Error()}}
}

// answerMargin is kept back from the caller's deadline, so that the report that
// says "timeout" still gets through the policy to the caller.
const answerMargin = 50 * time.Millisecond

// budget is the time a call may take: up to a margin before its deadline. Zero:
// the engine's own limit.
func budget(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline)
	return max(left-min(answerMargin, left/4), time.Millisecond)
}

// memo keeps the answers of one built-in within one query. Equal hashes are
// told apart by comparison: an operand is a policy author's value.
type memo struct {
	first remembrance // most queries call a built-in once
	more  map[int][]remembrance
}

type remembrance struct {
	operand ast.Value
	answer  *ast.Term
}

type memoKey string

func memoOf(cache builtins.Cache, key any) *memo {
	if m, ok := cache.Get(key); ok {
		if m, ok := m.(*memo); ok {
			return m
		}
	}
	m := &memo{}
	cache.Put(key, m)
	return m
}

func (m *memo) get(operand ast.Value) (*ast.Term, bool) {
	if m.first.is(operand) {
		return m.first.answer, true
	}
	if m.more == nil {
		return nil, false
	}
	for _, r := range m.more[operand.Hash()] {
		if r.is(operand) {
			return r.answer, true
		}
	}
	return nil, false
}

func (r remembrance) is(operand ast.Value) bool {
	return r.answer != nil && r.operand.Hash() == operand.Hash() && ast.ValueEqual(r.operand, operand)
}

func (m *memo) put(operand ast.Value, answer *ast.Term) {
	r := remembrance{operand, answer}
	if m.first.answer == nil {
		m.first = r
		return
	}
	if m.more == nil {
		m.more = map[int][]remembrance{}
	}
	h := operand.Hash()
	m.more[h] = append(m.more[h], r)
}
