// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import "fmt"

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
	value    answer // decided: a string or an object
	admitted bool   // the decision, if value is set
	why      string // the reasons of a value that does not admit, if the log wants them
	err      string // decided against
	cause    cause  // not "": not decided, reason says why
	reason   string
}

// answer is a value as JSON, with what tells the decision in its midst.
type answer struct {
	rendering

	signature string
}

func undecided(q question, c cause, format string, args ...any) outcome {
	return outcome{question: q, cause: c, reason: shorten(fmt.Sprintf(format, args...), 512)}
}

// message is what an item says in place of a value; "" if there is a value. An
// undecided key is an error.
func (o *outcome) message() string {
	switch {
	case o.cause != "":
		return o.reason
	case o.err != "":
		return o.err
	case o.value != (answer{}):
		return ""
	default: // no outcome was recorded: never an item that could be read as consent
		return "internal: the key was not decided"
	}
}

// verdict is one word for logs: the decision, not the report's finding.
func (o *outcome) verdict() string {
	switch {
	case o.cause != "":
		return "undecided"
	case o.err != "" || o.value != (answer{}) && !o.admitted:
		return "rejected"
	default:
		return "verified"
	}
}
