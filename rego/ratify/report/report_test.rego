# SPDX-License-Identifier: Apache-2.0

package ratify.report_test

import data.ratify.report

_error(code, retryable) := {"code": code, "message": "why", "stage": "fetch", "retryable": retryable}

_signed(digest, subject) := {
	"digest": digest,
	"verified": true,
	"errors": [],
	"signer": {"identity": "", "subject": subject},
}

_verified := {
	"verdict": "verified", "verified": true, "errors": [_error("timeout", true)],
	"signatures": [
		_signed("sha256:a", "CN=a"),
		{"digest": "sha256:b", "verified": false, "errors": [_error("expired", false)]},
	],
	"platforms": [{"platform": "linux/arm64", "signatures": [_signed("sha256:c", "CN=c")], "errors": []}],
}

_denied := object.union(_verified, {
	"verdict": "inconclusive", "verified": false,
	"platforms": [{"platform": "linux/arm64", "signatures": [], "errors": [_error("no_signature", false)]}],
})

_not_reports := [
	null, true, 7, "verified", [], {},
	{"verified": "true", "verdict": "verified", "signatures": "x", "errors": {"a": 1}},
]

test_messages_in_order_of_nearness if {
	report.messages(_denied) == [
		"timeout: why",
		"platform linux/arm64: no_signature: why",
		"signature sha256:b: expired: why",
	]
}

test_a_verified_image_has_nothing_against_it if {
	report.messages(_verified) == []
	report.codes(_verified) == set()
	not report.retryable(_verified)
}

test_message_of_an_error_without_fields if {
	report.messages({"errors": [{}]}) == ["internal: no message"]
}

test_accepted_on_image_and_platforms if {
	[s.digest | some s in report.accepted(_verified)] == ["sha256:a", "sha256:c"]
}

test_nothing_is_accepted_unless_the_image_is_verified if {
	report.accepted(_denied) == []
	report.signers(_denied) == set()
}

test_signers_by_best_name if {
	signers := [
		{"identity": "release@acme", "subject": "CN=x", "key": "k", "fingerprint": "f1"},
		{"identity": "", "subject": "CN=release,O=acme", "key": "k", "fingerprint": "f2"},
		{"identity": "", "subject": "", "key": "release", "fingerprint": "f3"},
		{"fingerprint": "f4"},
		{},
	]
	signatures := [{"verified": true, "signer": s} | some s in signers]
	report.signers({"verified": true, "signatures": signatures}) == {"release@acme", "CN=release,O=acme", "release", "f4"}
}

test_codes_of_every_part if report.codes(_denied) == {"timeout", "expired", "no_signature"}

test_retryable_wherever_the_error_is if {
	report.retryable(_denied)
	report.retryable({"verdict": "inconclusive", "signatures": [{"errors": [_error("revocation_unknown", true)]}]})
	report.retryable({"verdict": "inconclusive", "platforms": [{"errors": [_error("timeout", true)]}]})
}

test_a_rejection_is_final if {
	report.retryable({"verdict": "rejected", "errors": [_error("timeout", true)]}) == false
	report.retryable({"verdict": "inconclusive", "errors": [_error("too_large", false)]}) == false
	report.retryable({"verdict": "inconclusive", "errors": [_error("too_large", "true")]}) == false
}

test_only_true_is_verified if {
	report.verified({"verified": true})
	every value in _not_reports {
		report.verified(value) == false
	}
}

test_every_function_answers_for_every_operand if {
	every value in _not_reports {
		report.messages(value) == []
		report.accepted(value) == []
		report.signers(value) == set()
		report.codes(value) == set()
		report.retryable(value) == false
	}
}
