// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/logging"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// interpret reads the value of data.ratify.gatekeeper.item strictly: an object
// with "key" and exactly one of "value", "error" and "undecided". Anything else
// is no decision.
func (r *round) interpret(d *decision) outcome {
	q := d.question
	fields, ok := d.answer.(ast.Object)
	names := r.terms
	if !ok || fields.Len() != 2 || textOf(fields, names.answerKey) != q.key {
		return undecided(q, misshapen, `the policy has an error: data.ratify.gatekeeper.item is not {"key": the key asked, and one of "value", "error", "undecided"}`)
	}
	if reason := textOf(fields, names.undecided); reason != "" {
		return undecided(q, byPolicy, "%s", reason)
	}
	if message := textOf(fields, names.answerError); message != "" {
		return outcome{question: q, err: shorten(message, 4<<10)}
	}
	switch value := field(fields, names.answerValue).(type) {
	case ast.String:
		if r.operation.mutates() && !pinned(string(value)) {
			return undecided(q, misshapen, "the policy has an error: %s is no image by digest, and a mutation must not answer a tag that can move", quote(string(value)))
		}
		if value != "" {
			return outcome{question: q, value: answer{signature: string(appendString(nil, r.written(q, string(value))))}, admitted: true}
		}
	case ast.Object:
		if !r.operation.mutates() {
			return r.sign(d, fields, value)
		}
	}
	return undecided(q, misshapen, `the policy has an error: "value", "error" or "undecided" of data.ratify.gatekeeper.item has the wrong type or is empty for %s`, r.operation.name)
}

// sign adds to the value of an answer what tells the client which decision it is.
func (r *round) sign(d *decision, whole, value ast.Object) outcome {
	out := outcome{question: d.question, admitted: field(value, r.terms.admitted) == ast.Boolean(true)}
	if !out.admitted && r.provider.manager.Logger().GetLevel() >= logging.Info {
		out.why = r.why(value)
	}
	at := r.provider.now().UTC()
	signature := signatureOf(at, d.id)
	if known := r.query.memo.rendering(whole, value); known != nil {
		out.value = answer{*known, signature}
		return out
	}
	encoded, err := d.scratch.encoder.object(nil, value, member{"timestamp", at.Format(time.RFC3339Nano)}, member{"traceID", d.id})
	if err != nil {
		return undecided(d.question, evalFailed, "the policy has an error: %v", err)
	}
	before, after, signed := strings.Cut(string(encoded), signature)
	if !signed { // something stands between the two
		out.value = answer{signature: before}
		return out
	}
	out.value = answer{rendering{before, after}, signature}
	r.query.memo.render(whole, value, out.value.rendering)
	return out
}

// signatureOf is the members that sign adds, as the encoder writes them.
func signatureOf(at time.Time, id string) string {
	text := make([]byte, 0, 128)
	text = append(text, `"timestamp":"`...)
	text = at.AppendFormat(text, time.RFC3339Nano)
	text = append(text, `","traceID":"`...)
	text = append(text, id...)
	return string(append(text, '"'))
}

// why returns the reasons of a value on one line.
func (r *round) why(value ast.Object) string {
	reasons, ok := field(value, r.terms.reasons).(*ast.Array)
	if !ok {
		return ""
	}
	var texts []string
	reasons.Foreach(func(t *ast.Term) {
		if s, ok := t.Value.(ast.String); ok {
			texts = append(texts, string(s))
		}
	})
	return shorten(strings.Join(texts, "; "), 1<<10)
}

// field returns a field of o, nil if there is none.
func field(o ast.Object, name *ast.Term) ast.Value {
	if t := o.Get(name); t != nil {
		return t.Value
	}
	return nil
}

// textOf returns a field that is a string, else "".
func textOf(o ast.Object, name *ast.Term) string {
	s, _ := field(o, name).(ast.String)
	return string(s)
}

// pinned tells whether s names one image for ever.
func pinned(s string) bool {
	ref, err := reference.Parse(s)
	return err == nil && ref.Digest != ""
}

// written is a mutated reference as the configuration wants it. The digest is
// the policy's; only the tag that was asked for is put before it.
func (r *round) written(q question, digested string) string {
	if r.settings.Mutation != config.MutationTagAndDigest {
		return digested
	}
	asked, err := reference.Parse(q.image)
	if err != nil || asked.Tag == "" {
		return digested
	}
	got, err := reference.Parse(digested)
	if err != nil || got.Digest == "" || got.Name() != asked.Name() {
		return digested
	}
	return got.Name() + ":" + asked.Tag + "@" + got.Digest.String()
}
