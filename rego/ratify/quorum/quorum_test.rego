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
	"mute": object.union(_report("rejected", []), {"errors": []}),
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
	_evaluation(["a", "rejected"], "all").reasons == [_too_few("1 of the 2", "signer 1", "signer 2 (c: rejected)")]
	_evaluation(["a", "a again"], "all").reasons == [_too_few(
		"1 of the 2",
		"signer 1",
		"signer 2 (its key vouches for another)",
	)]
	_evaluation(["mute", "down"], "any").reasons == [_too_few(
		"0 of the 1",
		"nobody",
		"signer 1 (not verified), signer 2 (c: inconclusive)",
	)]
}

_too_few(number, vouching, missing) := sprintf(
	`policy "p": too_few_signers: %s demanded signers vouch for it by different keys: %s; missing: %s`,
	[number, vouching, missing],
)

test_each_error_is_kept_with_its_code if {
	found := _evaluation(["rejected", "down"], "all")
	[e.code | some e in found.errors] == ["too_few_signers", "c", "c"]
	[e.retryable | some e in found.errors] == [false, false, true]
}

# Nested, and attestations

_attested := "https://example.com/attested"

_statement := {
	"name": "p",
	"scopes": ["*"],
	"signers": [
		"key",
		{"signers": ["build", {"attestation": _attested, "trust": "scanner"}], "require": "any"},
		{"signers": ["boss", {"signers": ["lead", "deputy"], "require": "all"}], "require": "any"},
	],
	"require": {"threshold": 2},
}

# Keys by signer; a signer without one has not signed.
_nested(keys) := found if {
	found := quorum.evaluation(_statement, {"image": "app:v1"}, _keyed(keys)) with ratify.verify as _verify_by
		with ratify.attestations as _attest_by
}

_keyed(keys) := {"documents": {name: {"notation": object.get(keys, name, sprintf("none by %s", [name]))} |
	some name in ["key", "build", "scanner", "boss", "lead", "deputy"]
}}

# The trust document says whose key has signed.
_verify_by(request) := _by_key(request.trust.notation) if {
	request.image == "app:v1"
	not request.predicate_type
}

_by_key(key) := object.union(_report("rejected", []), {"errors": [{
	"code": "no_signature",
	"message": key,
	"stage": "verify",
	"retryable": false,
}]}) if {
	startswith(key, "none by ")
} else := _signed([key]) if {
	key != "down"
} else := _report("inconclusive", [])

_attest_by(request) := object.union(found, {"attestations": attestations}) if {
	request.predicate_type == _attested
	found := _verify_by(object.remove(request, ["predicate_type"]))
	attestations := [_statement_of(request, s) | some s in found.signatures]
}

_statement_of(request, signature) := object.union(signature, {
	"predicate_type": request.predicate_type,
	"statement": {"predicate": "secret"},
})

test_nested_signers if {
	every c in [
		[{"key": "k", "build": "b"}, "verified"],
		[{"key": "k", "scanner": "s"}, "verified"],
		[{"key": "k", "boss": "o"}, "verified"],
		[{"build": "b", "boss": "o"}, "verified"],
		[{"key": "k", "lead": "l", "deputy": "d"}, "verified"],
		[{"scanner": "s", "lead": "l", "deputy": "d"}, "verified"],
		[{}, "rejected"],
		[{"key": "k"}, "rejected"],
		[{"build": "b", "scanner": "s"}, "rejected"],
		[{"key": "k", "lead": "l"}, "rejected"],
		[{"boss": "o", "lead": "l", "deputy": "d"}, "rejected"],
		[{"key": "k", "build": "down"}, "inconclusive"],
		[{"key": "k", "scanner": "down"}, "inconclusive"],
		[{"key": "k", "lead": "l", "deputy": "down"}, "inconclusive"],
		[{"lead": "l", "deputy": "down"}, "rejected"],
	] {
		[keys, verdict] := c
		found := _nested(keys)
		[keys, found.verdict] == [keys, verdict]
	}
}

test_one_key_vouches_once_at_all_depths if {
	every keys in [
		{"key": "x", "build": "x"},
		{"key": "x", "scanner": "x"},
		{"key": "x", "lead": "l", "deputy": "x"},
		{"build": "b", "lead": "x", "deputy": "x"},
		{"build": "x", "scanner": "x", "boss": "x", "lead": "x", "deputy": "x", "key": "x"},
	] {
		_nested(keys).verdict == "rejected"
	}
	every keys in [
		{"key": "x", "build": "x", "scanner": "s"},
		{"key": "k", "build": "x", "boss": "x", "lead": "x", "deputy": "x"},
		{"key": "x", "boss": "x", "lead": "l", "deputy": "x", "build": "b"},
	] {
		_nested(keys).verdict == "verified"
	}
}

test_reasons_name_who_is_missing if {
	lacking := concat("", [
		"key (no_signature: none by key), ",
		"1 of (boss (no_signature: none by boss), lead (no_signature: none by lead), deputy)",
	])
	_nested({"scanner": "s", "deputy": "d"}).reasons[0] == _too_few("1 of the 2", "(scanner attestation)", lacking)
	contains(_nested({"key": "x", "build": "x"}).reasons[0], "its key vouches for another")
}

test_attestation_counts_without_its_content if {
	found := _nested({"key": "k", "scanner": "s"})
	count(found.reports) == 6
	found.reports[2].signatures == [_signature("sha256:s", "s")]
	found.reports[2].platforms == []
	not found.reports[2].attestations
	not contains(json.marshal(quorum.total([found])), "secret")
}

test_attestation_alone if {
	every key, verdict in {"s": "verified", "down": "inconclusive", "none by any": "rejected"} {
		signer := {"attestation": _attested, "trust": {"notation": key}}
		statement := {"name": "p", "scopes": ["*"], "signers": [signer]}
		found := quorum.evaluation(statement, {"image": "app:v1"}, {}) with ratify.verify as {}
			with ratify.attestations as _attest_by
		found.verdict == verdict
	}
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
		"platforms": [{"platform": "p"}, {"platform": "p"}], "stale": [], "errors": [],
	}
}

test_sum_tells_what_was_stale if {
	tag := {"as_of": "2026-08-22T12:00:00Z", "code": "unavailable", "message": "tag", "stage": "resolve"}
	list := {"as_of": "2026-08-22T12:00:00Z", "code": "unavailable", "message": "list", "stage": "referrers"}
	reports := [
		object.union(_report("verified", []), {"stale": [tag]}),
		object.union(_report("verified", []), {"stale": [tag, list]}),
	]
	decision := quorum.total([{"verdict": "verified", "reports": reports, "reasons": [], "errors": []}])
	decision.report.stale == [list, tag]
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
