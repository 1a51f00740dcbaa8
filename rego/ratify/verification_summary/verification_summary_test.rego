# SPDX-License-Identifier: Apache-2.0

package ratify.verification_summary_test

import data.ratify.verification_summary

_now := time.parse_rfc3339_ns("2026-08-22T12:00:00Z")

_summary := {
	"verifier": {"id": "https://acme.example/verifier", "version": {"acme": "1.0"}},
	"timeVerified": "2026-08-21T12:00:00Z",
	"resourceUri": "pkg:oci/app?repository_url=registry.example/app",
	"policy": {"uri": "https://acme.example/policy/release", "digest": {"sha256": "abc"}},
	"inputAttestations": [],
	"verificationResult": "PASSED",
	"verifiedLevels": ["SLSA_BUILD_LEVEL_3", "ACME_REVIEWED"],
	"dependencyLevels": {"SLSA_BUILD_LEVEL_1": 7},
	"slsaVersion": "1.0",
}

_attestation(digest, predicate) := {"digest": digest, "verified": true, "errors": [], "statement": {
	"predicateType": "https://slsa.dev/verification_summary/v1",
	"predicate": predicate,
}}

_answers(attestations) := [{
	"reference": "registry.example/app@sha256:a", "digest": "sha256:a", "verdict": "verified", "errors": [],
	"attestations": attestations,
}]

_settings := {
	"verifiers": ["https://other.example", "https://acme.example/verifier"],
	"resources": [`pkg:oci/app\?repository_url=registry\.example/.+`],
	"levels": ["SLSA_BUILD_LEVEL_3"],
}

_decision(answers, settings) := decision if {
	decision := verification_summary.decision(answers, settings) with time.now_ns as _now
}

_changed(changes) := object.union(object.remove(_summary, object.keys(changes)), changes)

_lines(predicate, changes) := [trim_prefix(line, "summary_mismatch: sha256:b: ") |
	some line in _decision(_answers([_attestation("sha256:b", predicate)]), object.union(_settings, changes)).reasons
]

test_passed if {
	_decision(_answers([_attestation("sha256:b", _summary)]), _settings) == {"allow": true, "reasons": []}
}

test_result if {
	_lines(_changed({"verificationResult": "FAILED"}), {}) == ["the result is FAILED, not PASSED"]
	_lines(object.remove(_summary, ["verificationResult"]), {}) == ["the result is missing, not PASSED"]
	_lines(_changed({"verificationResult": "passed"}), {}) == ["the result is passed, not PASSED"]
}

test_verifier if {
	line := "no_evidence: no summary by any of verifiers is verified"
	every verifier in [{"id": "https://acme.example/verifier/evil"}, {"id": null}, {}, null, "https://other.example"] {
		_lines(_changed({"verifier": verifier}), {}) == [line]
	}
}

test_resource if {
	_lines(object.remove(_summary, ["resourceUri"]), {}) == ["it is about , which is none of resources"]
	every resource in [
		"pkg:oci/app?repository_url=registry.example", "", 7,
		sprintf("x %s", [_summary.resourceUri]),
	] {
		count(_lines(_changed({"resourceUri": resource}), {})) == 1
	}
}

test_levels if {
	every levels in [["SLSA_BUILD_LEVEL_1"], ["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"], ["ACME_REVIEWED"]] {
		_lines(_summary, {"levels": levels}) == []
	}
	every level in ["SLSA_BUILD_LEVEL_4", "SLSA_SOURCE_LEVEL_1", "SLSA_BUILD_LEVEL_", "ACME", "SLSA_BUILD_LEVEL_30"] {
		_lines(_summary, {"levels": ["ACME_REVIEWED", level]}) == [sprintf("%s was not verified", [level])]
	}
	every verified in [[], null, "SLSA_BUILD_LEVEL_3", ["SLSA_BUILD_LEVEL_2"], [3], ["SLSA_BUILD_LEVEL_UNEVALUATED"]] {
		_lines(_changed({"verifiedLevels": verified}), {}) == ["SLSA_BUILD_LEVEL_3 was not verified"]
	}
}

test_policy if {
	policy := "https://acme.example/policy/release"
	_lines(_summary, {"policies": ["x", policy]}) == []
	_lines(_summary, {"policies": ["x"]}) == [sprintf("the policy %s is none of policies", [policy])]
	count(_lines(object.remove(_summary, ["policy"]), {"policies": [policy]})) == 1
}

# Time

test_age if {
	_lines(_summary, {"maximum_age": "24h"}) == []
	_lines(_summary, {"maximum_age": "23h"}) == ["it is older than 23h"]
	_lines(_changed({"timeVerified": "never"}), {"maximum_age": "24h"}) == ["it does not say when it was made"]
	_lines(object.remove(_summary, ["timeVerified"]), {}) == []
	_lines(_changed({"timeVerified": "2026-08-22T12:10:00Z"}), {"maximum_age": "24h"}) == []
	_lines(_changed({"timeVerified": "2026-08-22T12:10:01Z"}), {}) == ["it is of a time to come"]
}

test_newest_counts if {
	every c in [
		["2026-08-22T00:00:00Z", false], ["2026-08-21T12:00:00Z", false],
		["2026-08-20T00:00:00Z", true], ["never", false],
	] {
		failed := _changed({"verificationResult": "FAILED", "timeVerified": c[0]})
		answers := _answers([_attestation("sha256:b", _summary), _attestation("sha256:c", failed)])
		_decision(answers, _settings).allow == c[1]
	}
}

test_summary_by_a_stranger_takes_nothing_back if {
	other := _changed({"verifier": {"id": "x"}, "verificationResult": "FAILED", "timeVerified": "2026-08-22T00:00:00Z"})
	_decision(_answers([_attestation("sha256:b", _summary), _attestation("sha256:c", other)]), _settings).allow
}

# Evidence

test_what_could_not_be_seen_denies if {
	answers := [object.union(_answers([_attestation("sha256:b", _summary)])[0], {"errors": [{"code": "timeout"}]})]
	_decision(answers, _settings).allow == false
}

test_summary_that_is_not_signed_denies if {
	shown := object.union(_attestation("sha256:b", _summary), {"verified": false})
	every answers in [_answers([shown]), _answers([]), [], null, [{}]] {
		_decision(answers, _settings).allow == false
	}
}

test_statement_of_another_type_denies if {
	other := json.patch(_attestation("sha256:b", _summary), [{
		"op": "replace", "path": "/statement/predicateType",
		"value": "https://slsa.dev/verification_summary/v0.2",
	}])
	_decision(_answers([other]), _settings).allow == false
}

test_settings_with_a_mistake_deny if {
	answers := _answers([_attestation("sha256:b", _summary)])
	every key in ["verifiers", "resources", "levels"] {
		_decision(answers, object.remove(_settings, [key])).allow == false
		_decision(answers, object.union(_settings, {key: []})).allow == false
		_decision(answers, object.union(_settings, {key: "x"})).allow == false
	}
	every changes in [{"level": "x"}, {"resources": [".*"]}, {"maximum_age": "x"}, {"policies": []}] {
		decision := _decision(answers, object.union(_settings, changes))
		decision.allow == false
		startswith(decision.reasons[0], "invalid_settings: ")
	}
	every settings in [null, "x", []] {
		_decision(answers, settings).allow == false
	}
}
