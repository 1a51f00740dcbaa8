# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Ratify's report shapes
# description: |
#   A decision in the words of Ratify, so that constraint templates written for it
#   keep working: version 0.2.0 (`verifierReports`) and version 2
#   (`artifactReports`). A decision is
#   {"admitted": boolean, "reference": string, "reasons": [string], "report": the report or {}}.
#
#   Some of Ratify's templates admit if any one entry succeeded and do not look at
#   the whole. Therefore no entry succeeds unless the image is admitted.
package ratify.compatibility

# METADATA
# title: verifierReports of version 0.2.0
# description: |
#   An array with one entry per signature, or a single failed entry without a
#   verifier if the image is denied and there is no signature. Strings of Ratify
#   v1.4 are kept where it has one, followed by ours.
verifier_reports(decision) := [_verifier_report(decision, signature) | some signature in _signatures(decision)] if {
	count(_signatures(decision)) > 0
} else := [] if decision.admitted

else := [{
	"subject": decision.reference,
	"isSuccess": false,
	"message": sprintf("failed to verify artifact: %s", [decision.reference]),
	"errorReason": _nothing_verified(decision),
	"remediation": _remediation,
}]

# METADATA
# title: artifactReports of version 2
# description: An array with one entry per signature, or one without results if there is none.
artifact_reports(decision) := [_artifact_report(decision, signature) | some signature in _signatures(decision)] if {
	count(_signatures(decision)) > 0
} else := [] if decision.admitted

else := [{
	"subject": decision.reference,
	"artifact": "",
	"results": [{
		"verifierName": "",
		"description": sprintf("failed to verify artifact: %s", [decision.reference]),
		"detail": "{}",
		"errorReason": _nothing_verified(decision),
	}],
	"artifactReports": [],
}]

_signatures(decision) := [signature |
	some part in array.concat([decision.report], object.get(decision.report, "platforms", []))
	some signature in object.get(part, "signatures", [])
]

_verifier_report(decision, signature) := object.union(
	{
		"subject": decision.reference,
		"isSuccess": _success(decision, signature),
		"name": _verifier(signature).name,
		"verifierName": _verifier(signature).name,
		"type": _verifier(signature).type,
		"verifierType": _verifier(signature).type,
		"referenceDigest": object.get(signature, "digest", ""),
		"artifactType": object.get(signature, "artifact_type", ""),
		"message": _message(signature),
		"extensions": _extensions(signature),
	},
	_failure(decision, signature),
)

_artifact_report(decision, signature) := {
	"subject": decision.reference,
	"artifact": object.get(signature, "digest", ""),
	"results": [object.union(
		{
			"verifierName": _verifier(signature).name,
			"description": _message(signature),
			"detail": json.marshal(_extensions(signature)),
		},
		object.remove(_failure(decision, signature), ["remediation"]),
	)],
	"artifactReports": [],
}

default _success(_, _) := false

_success(decision, signature) if {
	decision.admitted == true
	signature.verified == true
}

_failure(decision, signature) := {} if _success(decision, signature)

else := {"errorReason": _denied(decision), "remediation": _remediation} if signature.verified == true

else := {"errorReason": _error_reason(signature), "remediation": _remediation}

_denied(decision) := concat("; ", array.concat(["the signature is accepted, the image is denied"], decision.reasons))

_remediation := "The trust policy is package trust (data.trust); its reasons say what it wants and what was found."

_verifier(signature) := {"name": "verifier-cosign", "type": "cosign"} if signature.format == "cosign"

else := {"name": "verifier-notation", "type": "notation"}

_title := {"notation": "Notation", "cosign": "Cosign"}

_message(signature) := concat(" ", [
	"Verification success. Valid signatures found.",
	"Please refer to extensions field for verifications performed.",
]) if {
	signature.verified == true
	signature.format == "cosign"
} else := "Notation signature verification success" if signature.verified == true

else := sprintf("Failed to validate the %s signature", [_title[_verifier(signature).type]])

# What v1.4 says for some codes.
_known := {
	"untrusted_certificate": "signature is not produced by a trusted signer",
	"untrusted_identity": "signature is not produced by a trusted signer",
}

_error_reason(signature) := concat("; ", [_known_reason(e) | some e in signature.errors]) if count(signature.errors) > 0

else := "the signature is not accepted and the report gives no error"

_known_reason(e) := sprintf("%v: %v", [
	object.get(_known, object.get(e, "code", ""), object.get(e, "code", "internal")),
	object.get(e, "message", ""),
])

_nothing_verified(decision) := concat(": ", array.concat([lead], [concat("; ", decision.reasons)])) if {
	lead := _lead(decision.report, decision.reference)
} else := concat("; ", decision.reasons)

_lead(report, reference) := sprintf(
	concat(" ", [
		"No verification results for the artifact %s.",
		"Ensure verifiers are properly configured and that artifact metadata is attached",
	]),
	[reference],
) if {
	"no_signature" in _codes(report)
} else := "could not resolve descriptor for a subject from any stores" if {
	some e in report.errors
	e.stage == "resolve"
}

_codes(report) := {e.code | some e in report.errors}

# The names that Ratify gives to the issuer and the subject of the leaf certificate.
_extensions(signature) := {
	"Issuer": object.get(signature, ["signer", "issuer"], ""),
	"SN": object.get(signature, ["signer", "subject"], ""),
}
