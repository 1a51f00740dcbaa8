# SPDX-License-Identifier: Apache-2.0

package ratify.evidence_test

import data.ratify.evidence

_error(code, retryable) := {"code": code, "message": "why", "stage": "verify", "retryable": retryable}

_sarif := {"version": "2.1.0", "runs": []}

_content(json_, text) := {"media_type": "application/sarif+json", "json": json_, "text": text, "base64": ""}

_artifact(verdict, errors) := {
	"artifact_type": "application/sarif+json", "digest": "sha256:b", "verdict": verdict, "verified": verdict == "verified",
	"annotations": {"org.opencontainers.image.created": "2026-08-20T00:00:00Z"},
	"contents": [_content(_sarif, "") | verdict == "verified"], "errors": errors,
}

_listing(artifacts, errors) := {
	"image": "registry.example/app:v1", "reference": "registry.example/app@sha256:a", "digest": "sha256:a",
	"artifacts": artifacts, "errors": errors,
}

_attestation(verified, errors) := {
	"digest": "sha256:d", "verified": verified, "predicate_type": "https://slsa.dev/provenance/v1", "errors": errors,
	"statement": {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {"buildDefinition": {}}},
}

_report(attestations, errors) := {
	"reference": "registry.example/app@sha256:a", "digest": "sha256:a", "verdict": "verified",
	"attestations": attestations, "errors": errors,
}

_faults(answers) := evidence.faults(answers)

_gaps(answers) := evidence.gaps(answers)

_documents(answers) := evidence.documents(answers)

test_content_of_a_verified_artifact if {
	_documents([_listing([_artifact("verified", [])], [])]) == [{
		"type": "application/sarif+json", "media_type": "application/sarif+json", "digest": "sha256:b",
		"subject": "sha256:a", "annotations": {"org.opencontainers.image.created": "2026-08-20T00:00:00Z"},
		"json": _sarif, "text": "",
	}]
}

test_annotations_are_an_object if {
	every annotations in [null, "text", {}] {
		artifact := object.union(object.remove(_artifact("verified", []), ["annotations"]), {"annotations": annotations})
		_documents([_listing([artifact], [])])[0].annotations == {}
	}
}

test_every_blob_is_a_document if {
	artifact := object.union(_artifact("verified", []), {"contents": [_content(_sarif, ""), _content(null, "text")]})
	[[d.json, d.text] | some d in _documents([_listing([artifact], [])])] == [[_sarif, ""], [null, "text"]]
}

test_predicate_of_a_verified_statement if {
	_documents([_report([_attestation(true, [])], [])]) == [{
		"type": "https://slsa.dev/provenance/v1", "media_type": "https://slsa.dev/provenance/v1", "digest": "sha256:d",
		"subject": "sha256:a", "annotations": {}, "json": {"buildDefinition": {}}, "text": "",
	}]
	as_text := object.union(_attestation(true, []), {"statement": {"predicate": "SPDXVersion: SPDX-2.3"}})
	[[d.json, d.text] | some d in _documents([_report([as_text], [])])] == [[null, "SPDXVersion: SPDX-2.3"]]
}

# An answer that shows content without verifying it is not one of ours; still.
test_nothing_is_read_from_what_is_not_verified if {
	every verified in [false, null, "true", 1] {
		artifact := object.union(_artifact("verified", []), {"verified": verified})
		_documents([_listing([artifact], [])]) == []
		_documents([_report([_attestation(verified, [])], [])]) == []
	}
}

test_nothing_is_read_without_a_verdict if {
	_documents([_listing([object.remove(_artifact("verified", []), ["verified"])], [])]) == []
}

test_fields_that_are_missing_are_empty if {
	empty := {
		"type": "", "media_type": "", "digest": "", "subject": "",
		"annotations": {}, "json": null, "text": "",
	}
	_documents([{"attestations": [{"verified": true}]}]) == [empty]
}

test_no_documents_in_what_is_no_answer if {
	every answers in [null, "x", 7, [], [null], [{}], [{"artifacts": "x"}], {"a": 1}] {
		_documents(answers) == []
	}
}

# Faults

test_no_fault if {
	_faults([_listing([_artifact("verified", [])], [])]) == []
	_faults([_report([_attestation(true, [])], [])]) == []
}

test_strangers_do_not_stand_against_the_image if {
	stranger := _artifact("rejected", [_error("untrusted_certificate", false)])
	_faults([_listing([stranger, _artifact("verified", [])], [])]) == []
	_faults([_report([_attestation(true, []), _attestation(false, [_error("untrusted_key", false)])], [])]) == []
}

_none(n) := sprintf("no_evidence: nothing of the demanded type is verified for %s: %d attached", [_reference, n])

_reference := "registry.example/app@sha256:a"

_rejected(attestations, errors) := object.union(_report(attestations, errors), {"verdict": "rejected"})

test_nothing_attached if {
	_faults([_listing([], [])]) == [_none(0)]
	_faults([_listing([], [_error("unavailable", true)])]) == ["unavailable: why", _none(0)]
	_faults([_rejected([], [_error("no_signature", false)])]) == ["no_signature: why", _none(0)]
	nothing := "no_evidence: nothing of the demanded type is verified for the image: 0 attached"
	_faults([{"artifacts": []}]) == [nothing]
	_faults([{"attestations": []}]) == [nothing]
}

test_nothing_verified if {
	stranger := _artifact("rejected", [_error("untrusted_certificate", false)])
	_faults([_listing([stranger], [])]) == ["untrusted_certificate: why", _none(1)]
	count(_faults([_listing([stranger | some _ in numbers.range(1, 9)], [])])) == 4
	_faults([_rejected([_attestation(false, [{}])], [_error("untrusted_key", false)])]) == [
		"untrusted_key: why",
		_none(1),
	]
}

test_one_place_of_several_is_enough if {
	_faults([_listing([], []), _report([_attestation(true, [])], [])]) == []
	_faults([_rejected([], [_error("no_signature", false)]), _listing([_artifact("verified", [])], [])]) == []
	_faults([_listing([], []), _rejected([_attestation(false, [])], [])]) == [_none(1)]
}

_down := _artifact("inconclusive", [_error("unavailable", true)])

test_what_could_not_be_seen_stands_against_the_image if {
	good := _artifact("verified", [])
	line := "inconclusive: an artifact could not be seen"
	_faults([_listing([good, _down], [])]) == ["unavailable: why", line]
	_faults([_listing([good, object.remove(_down, ["errors"])], [])]) == [line]
	_faults([_listing([good], [_error("too_many", false)])]) == ["too_many: why"]
	_faults([_report([_attestation(true, [])], [_error("timeout", true)])]) == ["timeout: why"]
	every e in [_error("not_found", false), _error("anything", true)] {
		count(_faults([_report([_attestation(true, []), _attestation(false, [e])], [])])) == 1
	}
}

test_gaps_are_not_what_is_absent if {
	_gaps([_listing([], []), _rejected([], [_error("no_signature", false)])]) == []
	count(_gaps([_listing([_down], [])])) == 2
	_gaps([object.union(_report([], [_error("timeout", true)]), {"verdict": "inconclusive"})]) == ["timeout: why"]
}

test_verified_without_content if {
	artifact := object.union(_artifact("verified", []), {"contents": []})
	_faults([_listing([artifact], [])]) == ["malformed_evidence: sha256:b has no content", _none(1)]
}

test_no_answers if {
	every answers in [null, "x", {}, [], {"a": {"artifacts": []}}] {
		"invalid_evidence: not a list of answers of ratify.artifacts and ratify.attestations" in _faults(answers)
	}
	every answer in [null, 7, "x", {}, {"artifacts": "x"}, {"attestations": {}}] {
		"invalid_evidence: an answer has neither artifacts nor attestations" in _faults([answer])
	}
}
