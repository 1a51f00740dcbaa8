# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Answers to Gatekeeper
# description: |
#   What `data.trust` decides, in the shapes that Gatekeeper and Ratify's constraint
#   templates read. Nothing here trusts anybody: an image is admitted only if
#   `data.trust.allow` is exactly `true`.
#
#   Templates that ask for an SBOM or a vulnerability report look for entries about them.
#   A policy that looks at such documents says so in "verifier_reports" of `data.trust`:
#   {"type": "sbom" or "vulnerabilityreport", "isSuccess": boolean, "message", …}, as
#   Ratify's verifiers would report. They decide nothing: what they say must count in
#   "allow", or in the template.
package ratify.gatekeeper

import data.ratify.compatibility
import data.ratify.report

# METADATA
# title: The answer about one key
# scope: document
# description: |
#   Of `input` = {"image", "namespace", "key", "operation": "verify" or "mutate"} it
#   makes an object with "key" and exactly one of
#
#   - "value": decided. For verify an object that carries the fields of both of
#     Ratify's generations, for mutate the reference by digest;
#   - "error": decided against, and no value can be given;
#   - "undecided": what has to be asked again: the registry did not answer, no
#     trust policy is loaded (yet). Gatekeeper remembers values and errors for
#     minutes, but must not remember these.
default item := {"key": "", "undecided": "internal: input.key is missing or not a string"}

# What is admitted is most of what is asked, and comes first: these expressions and the
# policy's own are what an answer costs, and what follows from their results is kept.
# Few policies speak of documents, and OPA's index of rules tells that at once.
item := _admitted(input, data.trust.report, data.trust.verifier_reports) if {
	input.operation == "verify"
	data.trust.allow == true
} else := _admitted(input, data.trust.report, []) if {
	input.operation == "verify"
	data.trust.allow == true
} else := object.union({"key": input.key}, _answer) if is_string(input.key)

default _answer := {"undecided": `internal: input is not {"image": string, "operation": "verify" or "mutate"}`}

_answer := _verification if {
	input.operation == "verify"
	is_string(input.image)
}

_answer := _mutation if {
	input.operation == "mutate"
	is_string(input.image)
}

# The answer about an image that is admitted, and has a report.
_admitted(question, findings, documents) := {"key": question.key, "value": value} if {
	is_string(question.key)
	is_string(question.image)
	is_object(findings)
	value := _value(true, _named(question.image, findings), [], findings, documents)
}

# Verification otherwise: what is admitted without a report, and what is not

_verification := {"value": _value(true, _reference, [], _report, _documents)} if data.trust.allow == true

else := {"undecided": _no_policy} if not _policy_loaded

else := {"undecided": concat("; ", _passing)} if count(_passing) > 0

else := {"value": _value(false, _reference, _reasons, _report, _documents)}

_no_policy := concat("", [
	"no trust policy is loaded: neither data.trust.allow nor data.trust.report is defined; ",
	"load a bundle with package trust, and begin it with: default allow := false",
])

# A false rule is defined too, so its type is asked for and not its truth.
_policy_loaded if type_name(data.trust.allow) != ""

_policy_loaded if type_name(data.trust.report) != ""

# Why nothing can be said for now: something could not be seen, or broke here.
default _passing := []

_passing := _findings if report.retryable(_report)

else := _findings if report.codes(_report) == {"internal"}

_findings := [_staged(e) | some e in _errors] if count(_errors) > 0

else := report.messages(_report)

_errors := [e | some e in object.get(_report, "errors", []); is_object(e)]

_staged(e) := sprintf("%v at %v: %v", [
	object.get(e, "code", "internal"),
	object.get(e, "stage", "verify"),
	object.get(e, "message", ""),
])

default _report := {}

_report := data.trust.report if is_object(data.trust.report)

# It looks at nothing but its operands: the plugin's routes keep what it answers.
_value(admitted, reference, reasons, findings, documents) := {
	"version": "0.2.0",
	"isSuccess": admitted,
	"succeeded": admitted,
	"verdict": object.get(findings, "verdict", ""),
	"reference": reference,
	"digest": object.get(findings, "digest", ""),
	"reasons": reasons,
	"verifierReports": array.concat(compatibility.verifier_reports(decision), [document |
		some said in documents
		document := object.union_n([{"subject": reference}, said, {"isSuccess": _succeeded(admitted, said)}])
	]),
	"artifactReports": compatibility.artifact_reports(decision),
} if {
	decision := {"admitted": admitted, "reference": reference, "reasons": reasons, "report": findings}
}

# As of signatures, no entry succeeds unless the image is admitted.
default _succeeded(_, _) := false

_succeeded(true, said) if said.isSuccess == true

default _documents := []

_documents := data.trust.verifier_reports

_reference := _named(input.image, _report)

# The image by digest as far as it is known, else as it was asked.
_named(image, findings) := findings.reference if findings.reference != ""

else := parsed.reference if {
	parsed := ratify.reference.parse(image)
	parsed.reference != ""
} else := image if image != ""

# Reasons: the policy's own, else the report's, else that there are none.

default _reasons := ["data.trust.allow is not true and the policy gives no reasons"]

_reasons := _own_reasons if count(_own_reasons) > 0

else := array.slice(report.messages(_report), 0, _most_reasons) if count(report.messages(_report)) > 0

else := [sprintf("data.trust.allow is of type %s; only the boolean true admits", [type_name(data.trust.allow)])] if {
	not is_boolean(data.trust.allow)
}

else := [_no_report] if _report == {}

_no_report := concat("", [
	"data.trust.allow is not true, and data.trust.report is undefined: ",
	"does it refer to data that is not loaded?",
])

# Bounded: a person reads them in the message of a denial.
_most_reasons := 20

_own_reasons := array.slice([_text(reason) | some reason in data.trust.reasons], 0, _most_reasons)

_text(reason) := reason if is_string(reason)

else := json.marshal(reason)

# Mutation

# A reference by digest is answered without asking anybody.
default _mutation := {"undecided": "internal at resolve: no digest and no error"}

_mutation := {"error": concat("", ["invalid_reference at parse: ", _parsed.error])} if not _parsed.valid

else := {"value": _parsed.reference} if _parsed.digest != ""

else := {"value": _resolved.reference} if _resolved.digest != ""

else := {"undecided": concat("; ", _resolve_errors)} if _resolve_again

else := {"error": concat("; ", _resolve_errors)} if count(_resolve_errors) > 0

_parsed := ratify.reference.parse(input.image)

_resolved := ratify.resolve(input.image)

_resolve_errors := [_staged(e) | some e in _resolved.errors]

_resolve_again if {
	some e in _resolved.errors
	e.retryable
}

_resolve_again if {
	some e in _resolved.errors
	e.code == "internal"
}

# METADATA
# title: The answer to a ProviderRequest over the data API
# scope: document
# description: |
#   For sidecars without the plugin's routes: `POST /v0/data/ratify/gatekeeper/response`
#   answers Gatekeeper's ProviderRequest, one key after the other. Keys are `image` or
#   `[namespace]image`. Keys that are undecided are named in `systemError`.
#
#   Prefer the plugin's routes. Here an evaluation that stops (an invalid trust
#   document) is HTTP 500 without a ProviderResponse, which templates that do not
#   check that every key was answered take for consent.
default response := {
	"apiVersion": "externaldata.gatekeeper.sh/v1beta1",
	"kind": "ProviderResponse",
	"response": {
		"idempotent": false,
		"items": [],
		"systemError": "the request is not a ProviderRequest with a list of keys",
	},
}

response := {
	"apiVersion": "externaldata.gatekeeper.sh/v1beta1",
	"kind": "ProviderResponse",
	"response": {
		"idempotent": false,
		"items": [i | some i in _items; not i.undecided],
		"systemError": concat("; ", [sprintf("%s: %s", [i.key, i.undecided]) | some i in _items]),
	},
} if {
	is_array(input.request.keys)
	count(input.request.keys) > 0
	count(_items) == count(input.request.keys)
	every key in input.request.keys { is_string(key) }
}

_items := [_item(key) | some key in input.request.keys]

_item(key) := i if {
	question := _question(key)
	i := item with input as question # regal ignore:with-outside-test-context
} else := {"key": key, "error": "the key is neither image nor [namespace]image; a namespace is a DNS label"}

_question(key) := {"key": key, "operation": "verify", "namespace": "", "image": key} if {
	regex.match(`^[^\[\]]+$`, key)
} else := {"key": key, "operation": "verify", "namespace": parts[1], "image": parts[2]} if {
	some parts in regex.find_all_string_submatch_n(`^\[([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\]([^\[\]]+)$`, key, 1)
}
