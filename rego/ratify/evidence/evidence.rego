# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Verified documents
# description: |
#   What `ratify.artifacts` and `ratify.attestations` answered, as one list of
#   documents: SBOMs, scans, statements. Nothing is read from a result that is not
#   verified. Which image an artifact is about, and its annotations, are those of its own
#   manifest, which its signature covers: `ratify.artifacts` sees to that.
package ratify.evidence

# METADATA
# title: Documents that may be believed
# description: |
#   Given an array of answers of `ratify.artifacts` and `ratify.attestations`, an array
#   of objects: "type" (artifact type or predicate type), "media_type" (of the blob; for
#   an attestation the predicate type), "digest" (of the manifest that holds it),
#   "subject" (digest of the image it is about), "annotations" (of the manifest), and the
#   content as "json" (an object, or null) and "text" ("" if it is not text). Empty unless
#   something is verified.
documents(answers) := array.concat(
	[document | some answer in _objects(answers); some document in _artifacts(answer)],
	[document | some answer in _objects(answers); some document in _statements(answer)],
)

_artifacts(answer) := [document |
	is_array(answer.artifacts)
	some artifact in _verified(answer)
	some content in _list(artifact, "contents")
	document := {
		"type": object.get(artifact, "artifact_type", ""),
		"media_type": object.get(content, "media_type", ""),
		"digest": artifact.digest,
		"subject": answer.digest,
		"annotations": _if_object(object.get(artifact, "annotations", null), {}),
		"json": object.get(content, "json", null),
		"text": object.get(content, "text", ""),
	}
]

_statements(answer) := [document |
	is_array(answer.attestations)
	some attestation in _verified(answer)
	predicate := object.get(attestation, ["statement", "predicate"], null)
	predicate_type := object.get(attestation, ["statement", "predicateType"], "")
	document := {
		"type": predicate_type,
		"media_type": predicate_type,
		"digest": object.get(attestation, "digest", ""),
		"subject": object.get(answer, "digest", ""),
		"annotations": {},
		"json": _if_object(predicate, null),
		"text": _if_string(predicate),
	}
]

_if_object(value, otherwise) := object.get({true: value}, is_object(value), otherwise)

_if_string(value) := value if is_string(value)

else := ""

# METADATA
# title: Why the evidence does not suffice
# description: |
#   Given the same array, an array of lines "code: message": what could not be seen, and,
#   unless at least one of the answers has something verified, why none has. Several
#   answers are several places where the evidence may be; who demands two kinds asks twice.
#   What strangers attached does not stand against the image.
faults(answers) := gaps(answers) if {
	some answer in _objects(answers)
	count(_artifacts(answer)) + count(_statements(answer)) > 0
} else := array.flatten([
	gaps(answers),
	[line | some answer in _objects(answers); some line in _absent(answer)],
	_nothing(answers),
])

# METADATA
# title: What could not be seen
# description: |
#   Given the same array, an array of lines "code: message": an answer is incomplete, an
#   artifact could not be fetched. That may be the newer scan, or the statement that takes
#   another one back, so it counts even if something else is verified.
gaps(answers) := ["invalid_evidence: not a list of answers of ratify.artifacts and ratify.attestations"] if {
	not _asked(answers)
} else := [line | some answer in answers; some line in _gaps(answer)]

_asked(answers) if {
	is_array(answers)
	count(answers) > 0
}

_gaps(answer) := array.flatten([_lines(answer), _blurred(answer), _empty(answer)]) if {
	is_array(answer.artifacts)
} else := array.concat(_unlisted(answer), _unseen(answer)) if {
	is_array(answer.attestations)
} else := ["invalid_evidence: an answer has neither artifacts nor attestations"]

_blurred(answer) := [line |
	some artifact in _list(answer, "artifacts")
	artifact.verdict == "inconclusive"
	some line in array.concat(_lines(artifact), ["inconclusive: an artifact could not be seen"])
]

_empty(answer) := [sprintf("malformed_evidence: %s has no content", [artifact.digest]) |
	some artifact in _verified(answer)
	count(_list(artifact, "contents")) == 0
]

# The errors of a rejected answer say that all was seen.
_unlisted(answer) := [] if answer.verdict == "rejected"

else := _lines(answer)

_unseen(answer) := [line |
	some attestation in _list(answer, "attestations")
	not attestation.verified
	some e in _list(attestation, "errors")
	_is_unseen(e)
	line := _line(e)
]

_is_unseen(e) if e.retryable == true

_is_unseen(e) if {
	e.code in {
		"digest_mismatch", "internal", "invalid_response", "not_found", "rate_limited", "timeout",
		"tls_failure", "too_large", "too_many", "unauthorized", "unavailable",
	}
}

# The first lines say why; the rest would be as long as the list of junk.
_absent(answer) := array.slice(lines, 0, 3) if {
	is_array(answer.artifacts)
	lines := [line |
		some artifact in _list(answer, "artifacts")
		artifact.verdict != "inconclusive"
		some line in _lines(artifact)
	]
} else := [line | some line in _lines(answer); not line in _unlisted(answer)]

_nothing(answers) := sprintf("no_evidence: nothing of the demanded type is verified for %s: %d attached", [
	name,
	attached,
]) if {
	places := _objects(answers)
	name := array.concat([answer.reference | some answer in places; is_string(answer.reference)], ["the image"])[0]
	attached := sum([count(_list(answer, field)) | some answer in places; some field in ["artifacts", "attestations"]])
}

_lines(part) := [_line(e) | some e in _list(part, "errors")]

_line(e) := sprintf("%v: %v", [object.get(e, "code", "internal"), object.get(e, "message", "no message")])

_verified(answer) := [part |
	some part in array.concat(_list(answer, "artifacts"), _list(answer, "attestations"))
	part.verified == true
]

_list(part, field) := _objects(object.get(part, field, []))

_objects(values) := [value |
	some value in values
	is_object(value)
]
