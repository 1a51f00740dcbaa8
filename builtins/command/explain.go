// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// rule is one rule of package trust and what became of it.
type rule struct {
	Name     string `json:"name"`
	Location string `json:"location"` // file:line
	Text     string `json:"text"`     // its first line
	Held     bool   `json:"held"`
	Because  string `json:"because,omitempty"` // the expression that did not hold, with its location
}

// decisive are the rules that a person asks about.
var decisive = []string{"allow", "reasons"} //nolint:gochecknoglobals // a constant list

// explain reads from a trace which of the decisive rules held, and where the
// others ended. That an image that is allowed has no reasons explains nothing.
func explain(events topdown.BufferTracer, allowed bool) []rule {
	failed := map[uint64]*ast.Expr{} // by query: the last expression that did not hold
	for _, e := range events {
		if expr, ok := e.Node.(*ast.Expr); ok && e.Op == topdown.FailOp {
			failed[e.QueryID] = expr
		}
	}
	found := map[*ast.Rule]*rule{}
	var order []*ast.Rule
	for _, e := range events {
		r, ok := e.Node.(*ast.Rule)
		if !ok || !isDecisive(r) || e.Op != topdown.EnterOp && e.Op != topdown.ExitOp {
			continue
		}
		if found[r] == nil {
			found[r] = &rule{Name: string(r.Head.Name), Location: where(r.Location), Text: firstLine(r.Location)}
			order = append(order, r)
		}
		if e.Op == topdown.ExitOp {
			found[r].Held, found[r].Because = true, ""
		} else if expr := failed[e.QueryID]; expr != nil && !found[r].Held {
			found[r].Because = fmt.Sprintf("%s is false or undefined (%s)", firstLine(expr.Location), where(expr.Location))
		}
	}
	rules := make([]rule, 0, len(order))
	for _, r := range order {
		if found[r].Held || found[r].Name != "reasons" || !allowed {
			rules = append(rules, *found[r])
		}
	}
	return rules
}

func isDecisive(r *ast.Rule) bool {
	return r.Module != nil && r.Module.Package.Path.String() == "data.trust" && !r.Default && slices.Contains(decisive, r.Head.Ref().String())
}

func where(l *ast.Location) string {
	if l == nil {
		return "?"
	}
	return fmt.Sprintf("%s:%d", l.File, l.Row)
}

func firstLine(l *ast.Location) string {
	if l == nil {
		return "?"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(l.Text)), "\n")
	return strings.TrimSpace(line)
}
