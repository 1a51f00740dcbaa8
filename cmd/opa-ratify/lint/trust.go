// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	oparego "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// trust is a trust document: the object that says which signers count.
type trust struct {
	File      string    `json:"file"`
	Value     any       `json:"value"`
	Locations locations `json:"locations"`
	Faults    []fault   `json:"faults"`
}

// fault is something for which the verifier refuses a trust document.
type fault struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// trust finds the trust documents in a data file.
func (d document) trust() []trust {
	var found []trust
	var visit func(v any, pointer string)
	visit = func(v any, pointer string) {
		switch v := v.(type) {
		case map[string]any:
			if isTrust(v) {
				found = append(found, trust{File: d.File, Value: v, Locations: d.Locations.below(pointer), Faults: []fault{}})
				return
			}
			for name, member := range v {
				visit(member, step(pointer, name))
			}
		case []any:
			for i, element := range v {
				visit(element, step(pointer, strconv.Itoa(i)))
			}
		}
	}
	visit(d.Value, "")
	return found
}

// trust finds the trust documents that are written out in Rego.
func (m module) trust() []trust {
	var found []trust
	ast.WalkTerms(m.AST, func(term *ast.Term) bool {
		object, ok := term.Value.(ast.Object)
		if !ok || !object.IsGround() {
			return false
		}
		plain, err := ast.JSON(object)
		if err != nil { // it has references, which only evaluation knows
			return false
		}
		v, ok := plain.(map[string]any)
		if !ok || !isTrust(v) {
			return false
		}
		places := locations{}
		places.addTerm(term, term, "")
		found = append(found, trust{File: m.File, Value: v, Locations: places, Faults: []fault{}})
		return true
	})
	return found
}

// isTrust tells by the members that only a trust document has.
func isTrust(v map[string]any) bool {
	notation, _ := v["notation"].(map[string]any)
	cosign, _ := v["cosign"].(map[string]any)
	return has(notation, "trust_policy", "trust_stores") || has(cosign, "keys", "identities", "trusted_root")
}

func has(object map[string]any, names ...string) bool {
	for _, name := range names {
		if _, ok := object[name]; ok {
			return true
		}
	}
	return false
}

func (l locations) addTerm(place, term *ast.Term, pointer string) {
	if place.Location != nil {
		l[pointer] = position{place.Location.Row, place.Location.Col}
	}
	switch v := term.Value.(type) {
	case ast.Object:
		v.Foreach(func(name, member *ast.Term) {
			if s, ok := name.Value.(ast.String); ok {
				l.addTerm(name, member, step(pointer, string(s)))
			}
		})
	case *ast.Array:
		for i := range v.Len() {
			l.addTerm(v.Elem(i), v.Elem(i), step(pointer, strconv.Itoa(i)))
		}
	}
}

// probe asks the verifier about a trust document alone: the envelope it comes
// with is none, and no registry is asked.
const probe = `ratify.verify_blob({"bytes": "", "envelope": {}, "trust": input})`

// examine notes what the verifier objects to. Files and key providers are those
// of the machine that decides, not of the one that lints, and are left out.
func (l *linter) examine(ctx context.Context, t *trust) error {
	_, err := l.probe.Eval(ctx, oparego.EvalInput(t.Value))
	if err == nil {
		return nil
	}
	var halt *topdown.Error
	if !errors.As(err, &halt) || !strings.Contains(halt.Message, operand) {
		return fmt.Errorf("examine the trust document in %s: %w", t.File, err)
	}
	for line := range strings.Lines(halt.Message) {
		_, objection, ok := strings.Cut(strings.TrimSpace(line), operand)
		if !ok {
			continue
		}
		pointer, message := splitObjection(objection)
		if !strings.HasSuffix(pointer, "/file") && !strings.HasSuffix(pointer, "/provider") {
			t.Faults = append(t.Faults, fault{pointer, message})
		}
	}
	return nil
}

const operand = "operand 1.trust: "

// splitObjection splits `cosign.keys[0].name: it is empty` into pointer and
// message. About the whole document there is no path.
func splitObjection(objection string) (pointer, message string) {
	rest := objection
	for rest != "" && !strings.HasPrefix(rest, ": ") {
		token, after, ok := cutStep(rest)
		if !ok {
			return "", objection
		}
		pointer, rest = step(pointer, token), after
	}
	return pointer, strings.TrimPrefix(rest, ": ")
}

// cutStep cuts one of `name`, `.name`, `[0]`, `["na me"]` off a path.
func cutStep(path string) (token, rest string, ok bool) {
	if quoted, found := strings.CutPrefix(path, `["`); found {
		prefix, err := strconv.QuotedPrefix(`"` + quoted)
		if err != nil {
			return "", "", false
		}
		token, err = strconv.Unquote(prefix)
		rest, closed := strings.CutPrefix(quoted[len(prefix)-1:], "]")
		return token, rest, err == nil && closed
	}
	if index, found := strings.CutPrefix(path, "["); found {
		return strings.Cut(index, "]")
	}
	path = strings.TrimPrefix(path, ".")
	end := strings.IndexAny(path, ".[: ")
	if end <= 0 || path[end] == ' ' {
		return "", "", false
	}
	return path[:end], path[end:], true
}
