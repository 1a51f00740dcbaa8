# SPDX-License-Identifier: Apache-2.0

package ratify.quorum_test

import data.ratify.quorum

_signature(digest, key) := {"digest": digest, "verified": true, "signer": {"fingerprint": key}, "errors": []}

_refused(digest) := {"digest": digest, "verified": false, "signer": {"fingerprint": "x"}, "errors": []}

_report(verdict, signatures) := {
	"image": "app:v1", "reference": "registry.example/app@sha256:1", "digest": "sha256:1", "media_type": "m",
	"verdict": verdict, "verified": verdict == "verified", "signatures": signatures, "platforms": [{"platform": "p"}],
	"errors": [{"code": "c", "message": verdict, "stage": "verify", "retryable": verdict == "inconclusive"} |
		verdict != "verified"
	],
}

_signed(keys) := _report("verified", [_signature(sprintf("sha256:%s", [key]), key) | some key in keys])

# How many vouch

test_signers_with_different_keys if {
	quorum.signers([]) == 0
	quorum.signers([_signed(["a"])]) == 1
	quorum.signers([_signed(["a"]), _signed(["b"])]) == 2
	quorum.signers([_signed(["a", "b"]), _signed(["b", "a"])]) == 2
}

test_one_key_vouches_once if {
	quorum.signers([_signed(["a"]), _signed(["a"])]) == 1
	quorum.signers([_signed(["a"]), _signed(["a"]), _signed(["b", "c"])]) == 2
	quorum.signers([_signed(["a", "b"]), _signed(["a", "b"]), _signed(["b"])]) == 2
	quorum.signers([_signed(["a"]) | some _ in numbers.range(1, 10)]) == 1
}

_by(digest, signer) := _report("verified", [{"digest": digest, "verified": true, "signer": signer}])

test_key_without_fingerprint if {
	quorum.signers([_by("sha256:a", {"key": "k"}), _by("sha256:b", {"fingerprint": "", "key": "k"})]) == 1
	quorum.signers([_by("sha256:a", {}), _by("sha256:a", {})]) == 1
	quorum.signers([_by("sha256:a", {}), _by("sha256:b", {})]) == 2
	quorum.signers([{"verified": true}, {"verified": true}]) == 2
}

# One policy

_answers := {
	"a": _signed(["a"]), "b": _signed(["b"]), "a again": _signed(["a"]),
	"rejected": _report("rejected", [_refused("sha256:r")]), "down": _report("inconclusive", []),
}

_verify(request) := _answers[request.trust.notation] if request.image == "app:v1"

_evaluation(names, require) := found if {
	statement := {"name": "p", "scopes": ["*"], "signers": [{"notation": name} | some name in names], "require": require}
	found := quorum.evaluation(statement, {"image": "app:v1"}, {}) with ratify.verify as _verify
}

test_verdict_of_a_policy if {
	every c in [
		[["a"], "all", "verified"],
		[["a", "b"], "all", "verified"],
		[["a", "rejected"], "all", "rejected"],
		[["a", "down"], "all", "inconclusive"],
		[["down", "rejected"], "all", "rejected"],
		[["a", "a again"], "all", "rejected"],
		[["a", "rejected"], "any", "verified"],
		[["down", "rejected"], "any", "inconclusive"],
		[["rejected", "rejected"], "any", "rejected"],
		[["a", "b", "rejected"], {"threshold": 2}, "verified"],
		[["a", "down", "rejected"], {"threshold": 2}, "inconclusive"],
		[["a", "rejected", "rejected"], {"threshold": 2}, "rejected"],
		[["a", "a again", "rejected"], {"threshold": 2}, "rejected"],
		[["a", "a again", "b"], {"threshold": 2}, "verified"],
	] {
		[names, require, verdict] := c
		found := _evaluation(names, require)
		found.verdict == verdict
		found.reports == [answer | some name in names; answer := _answers[name]]
	}
}

test_reasons_of_a_policy if {
	_evaluation(["rejected"], "all").reasons == [`policy "p": c: rejected`]
	_evaluation(["a", "b"], "all").reasons == []
	too_few := `policy "p": too_few_signers: 1 of the 2 demanded signers vouch for it by different keys`
	_evaluation(["a", "rejected"], "all").reasons == [too_few, `policy "p": c: rejected`]
	_evaluation(["a", "a again"], "all").reasons == [too_few]
}

test_single_trust_document if {
	statement := {"name": "p", "scopes": ["*"], "trust": {"notation": "a"}}
	found := quorum.evaluation(statement, {"image": "app:v1"}, {}) with ratify.verify as _verify
	found.verdict == "verified"
	found.reasons == []
	found.errors == []
	[s.digest | some r in found.reports; some s in r.signatures] == ["sha256:a"]
}

# Several policies

_one(verdict) := {
	"verdict": verdict,
	"reports": [_report(verdict, [])],
	"reasons": [sprintf("r %s", [verdict])],
	"errors": [{"code": verdict}],
}

test_all_policies_must_hold if {
	every c in [
		[["verified", "verified"], "verified"],
		[["verified", "rejected"], "rejected"],
		[["verified", "inconclusive"], "inconclusive"],
		[["inconclusive", "rejected"], "rejected"],
	] {
		[verdicts, verdict] := c
		decision := quorum.total([_one(v) | some v in verdicts])
		decision.report.verdict == verdict
		[decision.allow, decision.report.verified] == [verdict == "verified", verdict == "verified"]
	}
}

test_nothing_to_sum_does_not_allow if {
	decision := quorum.total([])
	decision.allow == false
	decision.report.verdict == "inconclusive"
	decision.report.image == ""
}

test_sum_of_one_report_is_the_report if {
	quorum.total([_one("rejected")]) == {"allow": false, "report": _report("rejected", []), "reasons": ["r rejected"]}
}

test_sum_has_the_fields_of_a_report if {
	reports := [
		_report("verified", [_signature("sha256:s", "a"), _refused("sha256:r")]),
		_report("verified", [_refused("sha256:s")]),
	]
	decision := quorum.total([{"verdict": "verified", "reports": reports, "reasons": [], "errors": []}])
	decision.report == {
		"image": "app:v1", "reference": "registry.example/app@sha256:1", "digest": "sha256:1", "media_type": "m",
		"verdict": "verified", "verified": true,
		"signatures": [_refused("sha256:r"), _signature("sha256:s", "a")],
		"platforms": [{"platform": "p"}, {"platform": "p"}], "errors": [],
	}
}

test_tag_that_moves_between_policies_does_not_allow if {
	moved := object.union(_report("verified", []), {"digest": "sha256:2"})
	decision := quorum.total([_one("verified"), object.union(_one("verified"), {"reports": [moved]})])
	decision.allow == false
	decision.report.verdict == "inconclusive"
	decision.report.errors[0].code == "digest_mismatch"
	decision.report.errors[0].retryable
	startswith(decision.reasons[0], "digest_mismatch: the tag moved while it was verified: sha256:1, sha256:2; ")
}

test_policy_that_only_one_signer_saw_move if {
	reports := [_report("verified", []), object.union(_report("verified", []), {"digest": "sha256:2"})]
	quorum.total([{"verdict": "verified", "reports": reports, "reasons": [], "errors": []}]).allow == false
}
