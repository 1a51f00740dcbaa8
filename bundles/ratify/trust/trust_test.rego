# SPDX-License-Identifier: Apache-2.0

package trust_test

import data.trust

# What the rules make of it

_input(image, namespace) := {"image": image, "namespace": namespace, "key": image, "operation": "verify"}

_policies := [{"name": "all", "scopes": ["*"], "signers": ["notary", "key"], "require": "any"}]

_documents := {"notary": {"notation": "notary"}, "key": {"cosign": "key"}}

# What a namespace demands besides, with conditions of its own.
_more := [{"name": "more", "scopes": ["*"], "trust": "key"}]

_conditions := {"more": {"unjudged": ["application/vnd.cncf.notary.signature"]}, "all": {
	"signatures": [
		{"trust": "notary", "format": "notation", "require": "all"},
		{"trust": "key", "format": "cosign", "require": "any"},
	],
	"unjudged": ["application/spdx+json"],
}}

# The tag lists what is attached: good and bad signatures of both formats, an SBOM.
_verify(request) := {
	"image": request.image, "reference": request.image, "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified",
	"signatures": signatures, "platforms": [], "stale": [], "errors": _errors(request.image, verdict),
} if {
	format := [f | some f, _ in request.trust][0]
	signatures := [_signature(format, word) |
		some word in split(split(request.image, ":")[1], ".")
		startswith(word, format)
	]
	verdict := _verdict(signatures)
}

_signature(format, word) := {
	"format": format, "artifact_type": _artifact_type(word), "digest": word, "verified": endswith(word, "-good"),
	"errors": [], "checks": [], "signer": {"fingerprint": word},
}

_artifact_type(word) := "application/vnd.dev.sigstore.bundle.v0.3+json" if contains(word, "-bundle")

else := "application/vnd.oci.image.config.v1+json"

_verdict(signatures) := "verified" if {
	some s in signatures
	s.verified
} else := "rejected"

_errors(_, "rejected") := [{"code": "no_signature", "message": "not signed", "stage": "verify", "retryable": false}]

_errors(image, "verified") := [_unseen | contains(image, "more")]

_unseen := {"code": "too_many", "message": "there are more", "stage": "referrers", "retryable": true}

_referrers(image) := {
	"referrers": [{"artifact_type": "application/spdx+json", "digest": "sha256:2"} | contains(image, "sbom")],
	"errors": [_unseen | contains(image, "slow")],
}

_answer(image, namespace) := answer if {
	answer := trust with input as _input(image, namespace)
		with trust.pending as ""
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.conditions as _conditions
		with trust.tenants as {"other": {"policies": []}}
		with trust.namespaces as {"added": {"policies": _more}}
		with ratify.verify as _verify
		with ratify.referrers as _referrers
}

test_signed_images_are_allowed if {
	every signatures in [
		"notation-good",
		"cosign-good",
		"notation-good.cosign-good",
		"cosign-good.cosign2-bad",
		"notation-good.cosign-bundle-bad",
	] {
		answer := _answer(sprintf("registry.example/app:%s", [signatures]), "")
		print(signatures, answer.reasons) # regal ignore:print-or-trace-call
		answer.allow == true
		answer.report.verified == true
		answer.reasons == []
	}
}

test_what_ratify_denies_is_denied if {
	every attached, code in {
		"none": "no_signature",
		"notation-bad": "no_signature",
		"notation-good.notation2-bad": "unverified_signature",
		"notation-good.cosign-bad": "unverified_signature",
		"notation-good.sbom": "unjudged_artifact",
	} {
		answer := _answer(sprintf("registry.example/app:%s", [attached]), "")
		print(attached, answer.reasons) # regal ignore:print-or-trace-call
		answer.allow == false
		answer.report.verdict == "rejected"
		answer.report.verified == false
		some error in answer.report.errors
		error.code == code
		some reason in answer.reasons
		contains(reason, code)
	}
}

test_what_cannot_be_seen_may_be_asked_again if {
	every attached in ["notation-good.more", "notation-good.slow"] {
		answer := _answer(sprintf("registry.example/app:%s", [attached]), "")
		answer.allow == false
		answer.report.verdict == "inconclusive"
		answer.report.errors[0].retryable == true
	}
}

test_a_condition_about_a_missing_document_denies if {
	conditions := {"all": {"signatures": [{"trust": "lost", "format": "notation", "require": "all"}]}}
	allow := trust.allow with input as _input("registry.example/app:notation-good", "")
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.conditions as conditions
		with trust.tenants as {}
		with ratify.verify as _verify
	allow == false
}

test_a_refused_policy_denies if {
	answer := trust with input as _input("registry.example/app:notation-good", "")
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.conditions as {"all": {"refused": "no counterpart"}}
		with trust.tenants as {}
		with ratify.verify as _verify
	answer.allow == false
	answer.reasons[0] == "refused: no counterpart"
}

test_a_namespace_of_its_own_is_judged_by_its_own_policies if {
	_answer("registry.example/app:notation-good", "else").allow == true
	_answer("registry.example/app:notation-good", "other").allow == false
}

test_a_namespace_adds_its_policies_and_their_conditions if {
	_answer("registry.example/app:cosign-good", "added").allow == true
	_answer("registry.example/app:notation-good", "added").allow == false
	answer := _answer("registry.example/app:cosign-good.sbom", "added")
	answer.allow == false
}

test_nothing_is_allowed_before_the_data_is_there if {
	answer := trust with input as _input("registry.example/app:notation-good", "")
		with trust.pending as "not yet"
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.conditions as {}
		with trust.tenants as {}
		with ratify.verify as _verify
	answer.allow == false
	answer.reasons == ["no_trust_policy: not yet"]
	answer.report.verdict == "inconclusive"
	answer.report.errors[0].retryable == true
}

test_nothing_is_allowed_without_data if {
	every wrong in [null, 7, "x", {}, []] {
		allow := trust.allow with input as _input("registry.example/app:notation-good", "")
			with trust.pending as ""
			with trust.policies as wrong
			with trust.tenants as {}
			with ratify.verify as _verify
		allow == false
	}
}

test_nothing_is_allowed_without_an_answer if {
	allow := trust.allow with input as _input("registry.example/app:notation-good", "")
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.conditions as _conditions
		with trust.tenants as {}
		with ratify.verify as {}
	allow == false
}

test_nothing_is_allowed_without_input if trust.allow == false with input as {}
