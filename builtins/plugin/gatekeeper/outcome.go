// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"fmt"
	"maps"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// cause says in one word why a key is not decided; it is a label of metrics.
type cause string

const (
	byPolicy   cause = "undecided"       // the policy says so itself
	timedOut   cause = "timeout"         // time ran out
	abandoned  cause = "canceled"        // the client went away
	undefined  cause = "undefined"       // the policy gives no answer
	noLibrary  cause = "no_library"      // data.ratify.gatekeeper.item does not exist
	evalFailed cause = "policy_error"    // evaluation stopped with an error
	misshapen  cause = "invalid_answer"  // the answer has not the agreed form
	panicked   cause = "internal"        // a fault of ours
	storeError cause = "store_error"     // OPA's store gives no transaction
	malformed  cause = "invalid_request" // of whole requests
	tooMany    cause = "too_many"        // of whole requests
	tooLarge   cause = "too_large"       // of whole requests
	forbidden  cause = "refused"         // of whole requests: authentication, authorization, path, method
)

// outcome is what became of one question. The zero value is not one: a key
// without outcome would be an item without value.
type outcome struct {
	question question
	value    any    // decided: string or object
	err      string // decided against
	cause    cause  // not "": not decided, reason says why
	reason   string
}

func undecided(q question, c cause, format string, args ...any) outcome {
	return outcome{question: q, cause: c, reason: shorten(fmt.Sprintf(format, args...), 512)}
}

// item is what the client is told. An undecided key is an error.
func (o outcome) item() item {
	switch {
	case o.cause != "":
		return item{Key: o.question.key, Error: o.reason}
	case o.err != "":
		return item{Key: o.question.key, Error: o.err}
	case o.value != nil:
		return item{Key: o.question.key, Value: o.value}
	default: // no outcome was recorded: never an item that could be read as consent
		return item{Key: o.question.key, Error: "internal: the key was not decided"}
	}
}

// verdict is one word for logs: the decision, not the report's finding.
func (o outcome) verdict() string {
	switch value, _ := o.value.(map[string]any); {
	case o.cause != "":
		return "undecided"
	case o.err != "":
		return "rejected"
	case value != nil && value["isSuccess"] != true:
		return "rejected"
	default:
		return "verified"
	}
}

// interpret reads the value of data.ratify.gatekeeper.item strictly: an object
// with "key" and exactly one of "value", "error" and "undecided". Anything else
// is no decision.
func interpret(q question, o operation, answer any) outcome {
	fields, ok := answer.(map[string]any)
	if !ok || len(fields) != 2 || fields["key"] != q.key {
		return undecided(q, misshapen, `the policy has an error: data.ratify.gatekeeper.item is not {"key": the key asked, and one of "value", "error", "undecided"}`)
	}
	if reason, _ := fields["undecided"].(string); reason != "" {
		return undecided(q, byPolicy, "%s", reason)
	}
	if message, _ := fields["error"].(string); message != "" {
		return outcome{question: q, err: shorten(message, 4<<10)}
	}
	switch value := fields["value"].(type) {
	case string:
		if o.mutates() && !pinned(value) {
			return undecided(q, misshapen, "the policy has an error: %s is no image by digest, and a mutation must not answer a tag that can move", quote(value))
		}
		if value != "" {
			return outcome{question: q, value: value}
		}
	case map[string]any:
		if !o.mutates() {
			return outcome{question: q, value: value}
		}
	}
	return undecided(q, misshapen, `the policy has an error: "value", "error" or "undecided" of data.ratify.gatekeeper.item has the wrong type or is empty for %s`, o.name)
}

// pinned tells whether s names one image for ever.
func pinned(s string) bool {
	ref, err := reference.Parse(s)
	return err == nil && ref.Digest != ""
}

// sign adds to a value what tells the client which decision it is.
func (o outcome) sign(id string, at time.Time) outcome {
	if value, ok := o.value.(map[string]any); ok {
		value = maps.Clone(value)
		value["traceID"], value["timestamp"] = id, at.UTC().Format(time.RFC3339Nano)
		o.value = value
	}
	return o
}

// withTag writes a mutated reference as the configuration wants it. The digest
// is the policy's; only the tag that was asked for is put before it.
func (o outcome) withTag(m config.Mutation) outcome {
	digested, ok := o.value.(string)
	if !ok || m != config.MutationTagAndDigest {
		return o
	}
	asked, err := reference.Parse(o.question.image)
	if err != nil || asked.Tag == "" {
		return o
	}
	got, err := reference.Parse(digested)
	if err == nil && got.Digest != "" && got.Name() == asked.Name() {
		o.value = got.Name() + ":" + asked.Tag + "@" + got.Digest.String()
	}
	return o
}
