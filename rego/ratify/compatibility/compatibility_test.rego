# SPDX-License-Identifier: Apache-2.0

package ratify.compatibility_test

import data.ratify.compatibility

_subject := "registry.example/app@sha256:1"

_good := {
	"format": "notation", "artifact_type": "application/vnd.cncf.notary.signature", "digest": "sha256:a", "verified": true,
	"signer": {"subject": "CN=release,O=acme", "issuer": "CN=ca,O=acme"}, "errors": [],
}

_bad := {
	"format": "notation", "artifact_type": "application/vnd.cncf.notary.signature", "digest": "sha256:b",
	"verified": false,
	"signer": {"subject": "CN=dev", "issuer": "CN=dev"},
	"errors": [
		{"code": "untrusted_certificate", "message": "chain ends in CN=dev"},
		{"code": "expired", "message": "in 2025"},
	],
}

_decision(admitted, signatures) := {
	"admitted": admitted, "reference": _subject, "reasons": ["why not", "nor that"],
	"report": {"signatures": signatures},
}

_extensions := {"Issuer": "CN=ca,O=acme", "SN": "CN=release,O=acme"}

test_accepted_signature_as_ratify_says_it if {
	compatibility.verifier_reports(_decision(true, [_good])) == [{
		"subject": _subject, "isSuccess": true,
		"name": "verifier-notation", "verifierName": "verifier-notation", "type": "notation", "verifierType": "notation",
		"referenceDigest": "sha256:a", "artifactType": "application/vnd.cncf.notary.signature",
		"message": "Notation signature verification success", "extensions": _extensions,
	}]
	compatibility.artifact_reports(_decision(true, [_good])) == [{
		"subject": _subject, "artifact": "sha256:a", "artifactReports": [],
		"results": [{
			"verifierName": "verifier-notation", "description": "Notation signature verification success",
			"detail": json.marshal(_extensions),
		}],
	}]
}

test_refused_signature_as_ratify_says_it if {
	[_, entry] := compatibility.verifier_reports(_decision(true, [_good, _bad]))
	entry.isSuccess == false
	entry.message == "Failed to validate the Notation signature"
	entry.errorReason == "signature is not produced by a trusted signer: chain ends in CN=dev; expired: in 2025"
	entry.remediation != ""
	[_, old] := compatibility.artifact_reports(_decision(true, [_good, _bad]))
	old.results[0].errorReason == entry.errorReason
}

test_cosign_words if {
	entries := compatibility.verifier_reports(_decision(true, [
		object.union(_good, {"format": "cosign"}),
		object.union(_bad, {"format": "cosign"}),
	]))
	[e.verifierName | some e in entries] == ["verifier-cosign", "verifier-cosign"]
	[e.type | some e in entries] == ["cosign", "cosign"]
	startswith(entries[0].message, "Verification success. Valid signatures found.")
	entries[1].message == "Failed to validate the Cosign signature"
}

test_no_entry_succeeds_for_a_denied_image if {
	[entry] := compatibility.verifier_reports(_decision(false, [_good]))
	entry.isSuccess == false
	entry.errorReason == "the signature is accepted, the image is denied; why not; nor that"
	[old] := compatibility.artifact_reports(_decision(false, [_good]))
	old.results[0].errorReason == entry.errorReason
}

test_signatures_of_platforms_count if {
	decision := object.union(_decision(true, [_good]), {"report": {"platforms": [{"signatures": [_bad]}]}})
	[e.referenceDigest | some e in compatibility.verifier_reports(decision)] == ["sha256:a", "sha256:b"]
}

test_admitted_without_signature_has_no_entry if {
	compatibility.verifier_reports(_decision(true, [])) == []
	compatibility.artifact_reports(_decision(true, [])) == []
}

_denied_by(code, stage) := object.union(_decision(false, []), {"report": {"errors": [{"code": code, "stage": stage}]}})

_reason(decision) := entry.errorReason if {
	[entry] := compatibility.verifier_reports(decision)
	entry.isSuccess == false
	entry.message == sprintf("failed to verify artifact: %s", [_subject])
	[old] := compatibility.artifact_reports(decision)
	old.results[0].errorReason == entry.errorReason
}

test_unsigned_as_ratify_says_it if {
	_reason(_denied_by("no_signature", "referrers")) == concat(": ", [
		concat("", [
			"No verification results for the artifact registry.example/app@sha256:1. ",
			"Ensure verifiers are properly configured and that artifact metadata is attached",
		]),
		"why not; nor that",
	])
}

test_unresolved_as_ratify_says_it if {
	lead := "could not resolve descriptor for a subject from any stores"
	_reason(_denied_by("not_found", "resolve")) == sprintf("%s: why not; nor that", [lead])
}

test_denied_for_another_reason if _reason(_denied_by("no_trust_policy", "trust")) == "why not; nor that"

test_denied_without_a_report if {
	_reason(object.union(object.remove(_decision(false, []), ["report"]), {"report": {}})) == "why not; nor that"
}

test_signature_without_fields_does_not_succeed if {
	[entry] := compatibility.verifier_reports(_decision(true, [{}]))
	entry.isSuccess == false
	entry.errorReason == "the signature is not accepted and the report gives no error"
	entry.extensions == {"Issuer": "", "SN": ""}
}

test_what_is_not_true_does_not_succeed if {
	every value in ["true", 1, null] {
		[entry] := compatibility.verifier_reports(_decision(true, [object.union(_good, {"verified": value})]))
		entry.isSuccess == false
	}
}
