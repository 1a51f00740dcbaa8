# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Answers to the Kubernetes API server
# description: |
#   What `data.trust` decides about the images of an object, as an AdmissionReview, for
#   clusters whose API server asks OPA itself. Let a ValidatingWebhookConfiguration ask
#   `/v0/data/ratify/admission/response`, and a MutatingWebhookConfiguration
#   `/v0/data/ratify/admission/mutation`; both with `failurePolicy: Fail`.
#
#   Each image of the object is decided upon by `data.trust`, as a key from Gatekeeper
#   is: see `data.ratify.gatekeeper`. Of `data.trust` are read besides
#
#   - "warnings": lines for whoever sent the object;
#   - "dryrun": lines for the audit log;
#   - "requests": the requests to `ratify.verify` that the policy is going to make. If
#     it is there, they are made for all images at once beforehand, for speed;
#   - "image_fields": where custom resources name images, see `images.custom_uses`.
package ratify.admission

import data.ratify.gatekeeper
import data.ratify.images

# METADATA
# title: The answer to a validating webhook
# scope: document
# description: |
#   Given an AdmissionReview as `input`, an AdmissionReview with the answer. It allows
#   only if each image is admitted; objects without images, and deletions, are allowed.
#   So is an update that brings no new image, of a subresource or of an object that is
#   being deleted, which otherwise could never go. What is not understood is denied. The
#   answer to a dry run is the same: there are no side effects.
#
#   Spec: Kubernetes v1.36, admission.k8s.io/v1, AdmissionReview.
response := _review(_answer)

# METADATA
# title: The answer to a mutating webhook
# scope: document
# description: |
#   The same, and if it allows, a patch (RFC 6902) that puts the digest that was verified
#   in the place of each tag. Images that an update leaves alone are left alone: another
#   spelling would restart containers. An image without a known digest, as an exempt one
#   may be, keeps its tag, and a warning says so.
mutation := _review(_answer) if not _answer.allowed

else := _review(object.union(_answer, _changes))

_review(answer) := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": object.union({"uid": _uid}, {key: value | some key, value in answer; value != {}}),
}

default _uid := ""

_uid := input.request.uid if is_string(input.request.uid)

# Whatever could not be evaluated is no consent.
default _answer := {"allowed": false, "warnings": [], "auditAnnotations": {}, "status": {
	"code": 500,
	"reason": "InternalError",
	"message": "internal: no decision about the object",
}}

_answer := _denial(400, "BadRequest", _malformed) if count(_malformed) > 0

else := _permission if _runs_nothing_new

else := _denial(500, "InternalError", _misconfigured) if count(_misconfigured) > 0

else := _remarked(true, {}) if {
	every use in _uses { _decisions[use.image].admitted == true }
}

else := _remarked(false, _status(403, "Forbidden", _objections))

_permission := {"allowed": true, "warnings": [], "auditAnnotations": {}, "status": {}}

_denial(code, reason, lines) := {
	"allowed": false,
	"warnings": [],
	"auditAnnotations": {},
	"status": _status(code, reason, lines),
}

_remarked(allowed, status) := {
	"allowed": allowed,
	"warnings": _said("warnings"),
	"auditAnnotations": _annotations,
	"status": status,
}

_status(code, reason, lines) := {"code": code, "reason": reason, "message": concat("\n", _lines(lines))}

# What can be answered without asking the policy

_malformed contains "the body is not an AdmissionReview of admission.k8s.io/v1" if not _is_review

_malformed contains "request.uid is missing, or not a string" if _uid == ""

_malformed contains "request.operation is not CREATE, UPDATE, DELETE or CONNECT" if not _operates

_malformed contains "request.object is not an object" if not _has_object

_malformed contains "request.namespace is not a string" if not is_string(_namespace)

_is_review if {
	input.apiVersion == "admission.k8s.io/v1"
	input.kind == "AdmissionReview"
}

_operates if input.request.operation in {"CREATE", "UPDATE", "DELETE", "CONNECT"}

# A deletion has none, a connection may have one.
_has_object if is_object(input.request.object)

_has_object if {
	input.request.operation in {"DELETE", "CONNECT"}
	object.get(input.request, "object", null) == null
}

default _namespace := ""

_namespace := input.request.namespace

_runs_nothing_new if input.request.operation == "DELETE"

_runs_nothing_new if {
	_only_part
	count(_misconfigured) == 0
	count(_new_uses) == 0
}

_only_part if {
	input.request.operation == "UPDATE"
	object.get(input.request, "subResource", "") != ""
}

# The API server sets it, and keeps those who update from changing it.
_only_part if {
	input.request.operation == "UPDATE"
	object.get(input.request, ["oldObject", "metadata", "deletionTimestamp"], "") != ""
}

# The images

_uses := _uses_of(input.request.object)

_new_uses := _uses - _uses_of(object.get(input.request, "oldObject", null))

_uses_of(object_) := images.uses(object_) | images.custom_uses(object_, _fields)

default _fields := {}

_fields := data.trust.image_fields

_misconfigured := [sprintf("data.trust.image_fields: %s", [fault]) | some fault in images.custom_faults(_fields)]

_names contains use.image if some use in _uses

# The policy's decisions

_decisions[image] := decision if {
	count(_prefetched) >= 0
	some image in _names
	decision := _decision(image)
}

_decision("") := {"admitted": false, "reasons": ["the image is empty, or not a string"], "warnings": [], "dryrun": []}

_decision(image) := decision if {
	image != ""
	decision := _decided with input as _question(image) # regal ignore:with-outside-test-context
}

_question(image) := {"key": image, "operation": "verify", "namespace": "", "image": image} if {
	_namespace == ""
} else := {
	"key": sprintf("[%s]%s", [_namespace, image]),
	"operation": "verify",
	"namespace": _namespace,
	"image": image,
}

# From here to _prefetched `input` is the question.
_decided := object.union(_finding, {
	"warnings": [_text(line) | some line in data.trust.warnings],
	"dryrun": [_text(line) | some line in data.trust.dryrun],
})

_finding := {
	"admitted": value.succeeded,
	"verdict": value.verdict,
	"digest": value.digest,
	"reference": value.reference,
	"reasons": value.reasons,
} if {
	value := gatekeeper.item.value
} else := {
	"admitted": false,
	"reasons": [object.get(gatekeeper.item, "undecided", "internal: the policy gave no decision")],
}

_wanted := [request | some request in data.trust.requests]

# One after the other costs as many times a registry's answer. Reports are taken from
# here by nobody: the policy asks again, of evidence that is there by then.
default _prefetched := []

_prefetched := ratify.verify_all(_requests) if count(_requests) > 1

_requests := [request |
	some image in (_names - {""})
	requests := _wanted with input as _question(image) # regal ignore:with-outside-test-context
	some request in requests
]

# What the answer says

_annotations["images"] := json.marshal(records) if {
	records := [_record(image, d) | some image, d in _decisions]
	count(records) > 0
}

_annotations["dryrun"] := concat("\n", lines) if {
	lines := _said("dryrun")
	count(lines) > 0
}

_said(field) := _lines([sprintf("%s: %s", [image, line]) | some image, d in _decisions; some line in d[field]])

_record(image, d) := {
	"image": image,
	"admitted": d.admitted,
	"digest": object.get(d, "digest", ""),
	"verdict": object.get(d, "verdict", ""),
}

_objections := [line |
	some image in _names
	not _decisions[image].admitted
	some reason in object.get(_decisions, [image, "reasons"], ["internal: no decision"])
	line := sprintf("%s: %s: %s", [_places(image), image, reason])
]

_places(image) := concat(", ", sort([use.path | some use in _uses; use.image == image]))

# The patch

_changes := {"warnings": _lines(array.concat(_answer.warnings, _unpinned))} if count(_patch) == 0

else := {
	"warnings": _lines(array.concat(_answer.warnings, _unpinned)),
	"patchType": "JSONPatch",
	"patch": base64.encode(json.marshal(_patch)),
}

_patch := [{"op": "replace", "path": pointer, "value": reference} |
	some [pointer, image] in sort([[use.pointer, use.image] | some use in _tags])
	reference := _verified(image)
]

_unpinned := [sprintf("%s: %s keeps its tag: its digest is not known", [use.path, use.image]) |
	some use in _tags
	not _verified(use.image)
]

_tags contains use if {
	not _runs_nothing_new
	some use in _new_uses
	ratify.reference.parse(use.image).digest == ""
}

# By digest, and of the same repository.
_verified(image) := decision.reference if {
	decision := _decisions[image]
	is_string(decision.reference)
	parsed := ratify.reference.parse(decision.reference)
	parsed.digest != ""
	parsed.digest == decision.digest
	parsed.name == ratify.reference.parse(image).name
}

_text(line) := line if is_string(line)

else := json.marshal(line)

# Bounded, for people, and without the characters for which the API server drops a
# warning.
_lines(lines) := [regex.replace(line, `\p{Cc}`, " ") | some line in lines] if count(lines) <= _most_lines

else := array.concat(
	array.slice([regex.replace(line, `\p{Cc}`, " ") | some line in lines], 0, _most_lines - 1),
	[sprintf("… and %d more", [(count(lines) - _most_lines) + 1])],
)

_most_lines := 20
