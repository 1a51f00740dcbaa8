# SPDX-License-Identifier: Apache-2.0

package ratify.gatekeeper_test

import data.ratify.gatekeeper

_digest := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_image := "registry.example/app:v1"

_reference := sprintf("registry.example/app@%s", [_digest])

_verify := {
	"key": "[team-a]registry.example/app:v1",
	"image": _image,
	"namespace": "team-a",
	"operation": "verify",
	"version": "v1",
}

_mutate := {"key": _image, "image": _image, "namespace": "", "operation": "mutate", "version": "v1"}

_error(code, retryable) := {"code": code, "message": "why", "stage": "resolve", "retryable": retryable}

_report(verdict, errors) := {
	"image": _image, "reference": _reference, "digest": _digest, "media_type": "",
	"verdict": verdict, "verified": verdict == "verified",
	"signatures": [], "platforms": [], "errors": errors,
}

_signature := {
	"format": "notation", "artifact_type": "application/vnd.cncf.notary.signature", "digest": "sha256:a",
	"verified": true, "signer": {"subject": "CN=release", "issuer": "CN=ca"}, "errors": [],
}

# Verification

test_admitted if {
	report := object.union(_report("verified", []), {"signatures": [_signature]})
	trust := {"allow": true, "report": report, "reasons": {"unused"}}
	answer := gatekeeper.item with input as _verify with data.trust as trust
	object.keys(answer) == {"key", "value"}
	answer.key == _verify.key
	value := answer.value
	object.keys(value) == {
		"version", "isSuccess", "succeeded", "verdict", "reference", "digest",
		"reasons", "verifierReports", "artifactReports",
	}
	value.version == "0.2.0"
	value.isSuccess
	value.succeeded
	value.verdict == "verified"
	value.reference == _reference
	value.digest == _digest
	value.reasons == []
	[e.isSuccess | some e in value.verifierReports] == [true]
	[e.artifact | some e in value.artifactReports] == ["sha256:a"]
}

test_reference_is_what_is_known_of_it if {
	cases := [
		{"report": {"reference": _reference}, "image": "registry.example/app:v1", "want": _reference},
		{"report": {"reference": ""}, "image": "Registry.Example/app", "want": "registry.example/app:latest"},
		{"report": {}, "image": "not an image", "want": "not an image"},
	]
	every case in cases {
		question := object.union(_verify, {"image": case.image})
		answer := gatekeeper.item with input as question with data.trust as {"allow": true, "report": case.report}
		answer.value.reference == case.want
	}
}

_denied(trust) := answer.value if {
	answer := gatekeeper.item with input as _verify with data.trust as trust
	object.keys(answer) == {"key", "value"}
	answer.value.isSuccess == false
	answer.value.succeeded == false
	every e in answer.value.verifierReports { e.isSuccess == false }
}

test_denied_with_the_policys_reasons if {
	report := _report("rejected", [_error("no_signature", false)])
	_denied({"allow": false, "report": report, "reasons": {"b", "a"}}).reasons == ["a", "b"]
	_denied({"allow": false, "report": report, "reasons": ["b", {"c": 1}]}).reasons == ["b", `{"c":1}`]
}

test_denied_with_the_reports_reasons if {
	report := _report("rejected", [_error("no_signature", false)])
	value := _denied({"allow": false, "report": report})
	value.reasons == ["no_signature: why"]
	value.verdict == "rejected"
	value.digest == _digest
}

test_denied_when_what_was_not_seen_cannot_be_seen_later if {
	_denied({"allow": false, "report": _report("inconclusive", [_error("too_large", false)])}).verdict == "inconclusive"
}

test_denied_although_verified if {
	report := object.union(_report("verified", []), {"signatures": [_signature]})
	_denied({"allow": false, "report": report, "reasons": ["too old"]}).reasons == ["too old"]
}

test_only_true_admits if {
	every allow in ["true", 1, null, [], {}, {"allow": true}] {
		_denied({"allow": allow, "report": _report("verified", [])}).reasons == [sprintf(
			"data.trust.allow is of type %s; only the boolean true admits",
			[type_name(allow)],
		)]
	}
}

test_set_that_contains_true_does_not_admit if {
	count(_denied({"allow": {true}, "report": _report("verified", [])}).reasons) == 1
}

test_policy_of_allow_alone if {
	value := _denied({"allow": false})
	value.reference == _image
	value.digest == ""
	value.verdict == ""
	[reason] := value.reasons
	startswith(reason, "data.trust.allow is not true, and data.trust.report is undefined")
	answer := gatekeeper.item with input as _verify with data.trust as {"allow": true}
	answer.value.isSuccess
	answer.value.verifierReports == []
}

test_policy_of_a_report_alone if {
	value := _denied({"report": _report("verified", [])})
	value.reasons == ["data.trust.allow is not true and the policy gives no reasons"]
}

test_report_and_reasons_of_a_wrong_type if {
	every wrong in [null, 7, "verified", ["verified"], true] {
		value := _denied({"allow": false, "report": wrong, "reasons": wrong})
		count(value.reasons) == 1
		value.reference == _image
	}
	every wrong in [null, 7, "x", {"a": 1}, [7, "x"]] {
		report := object.union(_report("rejected", []), {"errors": wrong, "signatures": wrong, "platforms": wrong})
		count(_denied({"allow": false, "report": report}).reasons) == 1
	}
}

test_reasons_are_bounded if {
	reasons := [sprintf("%d", [i]) | some i in numbers.range(1, 1000)]
	count(_denied({"allow": false, "reasons": reasons}).reasons) == 20
	report := _report("rejected", [_error("no_signature", false) | some _ in numbers.range(1, 1000)])
	count(_denied({"allow": false, "report": report}).reasons) == 20
}

test_what_the_policy_says_of_documents_is_passed_on if {
	every c in [[true, true, true], [true, false, false], [false, true, false], [true, "true", false]] {
		[admitted, said, shown] := c
		answer := gatekeeper.item with input as _verify with data.trust as {
			"allow": admitted,
			"report": _report("verified", []),
			"verifier_reports": [{"type": "sbom", "isSuccess": said, "message": "looked at"}],
		}
		some entry in answer.value.verifierReports
		entry == {"type": "sbom", "isSuccess": shown, "message": "looked at", "subject": _reference}
	}
}

_undecided(trust) := answer.undecided if {
	answer := gatekeeper.item with input as _verify with data.trust as trust
	object.keys(answer) == {"key", "undecided"}
	answer.key == _verify.key
}

test_undecided_without_a_policy if {
	every trust in [{}, {"policies": []}, {"reasons": ["x"]}] {
		startswith(_undecided(trust), "no trust policy is loaded: ")
	}
}

test_undecided_when_asking_again_can_help if {
	errors := [_error("timeout", true), _error("no_signature", false)]
	reason := _undecided({"allow": false, "report": _report("inconclusive", errors)})
	reason == "timeout at resolve: why; no_signature at resolve: why"
}

test_undecided_when_only_a_signature_says_so if {
	report := object.union(_report("inconclusive", []), {"signatures": [{"errors": [_error("revocation_unknown", true)]}]})
	_undecided({"allow": false, "report": report}) == "signature ?: revocation_unknown: why"
}

test_undecided_when_something_broke_here if {
	report := _report("inconclusive", [_error("internal", false)])
	_undecided({"allow": false, "report": report}) == "internal at resolve: why"
}

test_admitted_although_something_was_not_seen if {
	answer := gatekeeper.item with input as _verify
		with data.trust as {"allow": true, "report": _report("inconclusive", [_error("timeout", true)])}
	answer.value.isSuccess
	answer.value.verdict == "inconclusive"
}

# Mutation

_mutation(image, resolved) := answer if {
	answer := gatekeeper.item with input as object.union(_mutate, {"image": image}) with ratify.resolve as resolved
	answer.key == _mutate.key
	count(answer) == 2
}

_resolved(errors) := {"image": _image, "reference": "", "digest": "", "media_type": "", "size": 0, "errors": errors}

test_tag_becomes_digest if {
	_mutation(_image, object.union(_resolved([]), {"reference": _reference, "digest": _digest})).value == _reference
}

test_digest_asks_nobody if {
	down := _resolved([_error("unavailable", true)])
	_mutation(_reference, down).value == _reference
	_mutation(sprintf("%s@%s", [_image, _digest]), down).value == _reference
}

test_mutation_of_what_is_no_reference if {
	startswith(_mutation("UPPER/case:v1", _resolved([])).error, "invalid_reference at parse: ")
}

test_mutation_against_a_registry_that_says_no if {
	_mutation(_image, _resolved([_error("not_found", false)])).error == "not_found at resolve: why"
}

test_mutation_is_undecided_when_asking_again_can_help if {
	_mutation(_image, _resolved([_error("timeout", true)])).undecided == "timeout at resolve: why"
	_mutation(_image, _resolved([_error("internal", false)])).undecided == "internal at resolve: why"
	_mutation(_image, _resolved([])).undecided == "internal at resolve: no digest and no error"
}

# Input

test_always_defined if {
	every wrong in [null, 7, [], {}, {"key": 7, "operation": "verify", "image": _image}] {
		answer := gatekeeper.item with input as wrong with data.trust as {"allow": true}
		answer == {"key": "", "undecided": "internal: input.key is missing or not a string"}
	}
	every wrong in [{}, {"operation": "admit"}, {"operation": "verify", "image": 7}, {"operation": "mutate"}] {
		answer := gatekeeper.item with input as object.union({"key": "k"}, wrong) with data.trust as {"allow": true}
		object.keys(answer) == {"key", "undecided"}
	}
}

# The data API

_asks(keys) := {
	"apiVersion": "externaldata.gatekeeper.sh/v1beta1",
	"kind": "ProviderRequest",
	"request": {"keys": keys},
}

_trust_by_input := {"allow": true, "report": {"reference": "", "verdict": "verified", "digest": ""}}

test_response_has_an_item_for_every_key_in_order if {
	keys := ["registry.example/b:1", "registry.example/a:1", "[team-a]registry.example/a:1"]
	answer := gatekeeper.response with input as _asks(keys) with data.trust as _trust_by_input
	answer.kind == "ProviderResponse"
	answer.apiVersion == "externaldata.gatekeeper.sh/v1beta1"
	answer.response.systemError == ""
	answer.response.idempotent == false
	[i.key | some i in answer.response.items] == keys
	[i.value.reference | some i in answer.response.items] == [
		"registry.example/b:1",
		"registry.example/a:1",
		"registry.example/a:1",
	]
}

test_response_names_what_is_undecided if {
	answer := gatekeeper.response with input as _asks(["nginx", "[a"]) with data.trust as {}
	[i.key | some i in answer.response.items] == ["[a"]
	startswith(answer.response.systemError, "nginx: no trust policy is loaded")
}

test_response_refuses_keys_that_can_be_read_in_two_ways if {
	label := concat("", ["a" | some _ in numbers.range(1, 64)])
	keys := [
		"", "[]nginx", "[a]b]nginx", "[a", "a]nginx", "[a][b]nginx", "[A]nginx", "[-a]nginx", "[a-]nginx", "[a.b]nginx",
		"[a]", " [a]nginx", "[a\n]nginx", "nginx[a]", sprintf("[%s]nginx", [label]),
	]
	answer := gatekeeper.response with input as _asks(keys) with data.trust as _trust_by_input
	[i.key | some i in answer.response.items; startswith(i.error, "the key is neither")] == keys
}

test_response_to_what_is_no_request if {
	every wrong in [null, [], {}, _asks([]), _asks("nginx"), _asks(["nginx", 7]), _asks({"a": "nginx"}), _asks(null)] {
		answer := gatekeeper.response with input as wrong with data.trust as _trust_by_input
		answer.response.items == []
		answer.response.systemError != ""
	}
}
