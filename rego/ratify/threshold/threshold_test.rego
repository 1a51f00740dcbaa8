# SPDX-License-Identifier: Apache-2.0

package ratify.threshold_test

import data.ratify.threshold

_attestation := {"attestation": "https://example.com/scan", "trust": "scanner"}

_list(signers) := {"name": "p", "scopes": ["*"], "signers": signers}

_tree := _list(["release", {"signers": [_attestation, {"signers": [{"notation": {}}, "build"]}], "require": "any"}])

_documents := {"release": {"notation": {}}, "build": {"cosign": {}}, "scanner": {"cosign": {}}, "set": {"signers": []}}

# Reading

test_composed if {
	every signer in [_attestation, {"signers": []}, {"require": "any"}, {"trust": "a"}, {"attestation": 1}] {
		threshold.composed(_list(["a", signer]))
	}
	every statement in [{"trust": "a"}, _list(["a", {"notation": {}}]), _list([]), _list("a"), {}] {
		not threshold.composed(statement)
	}
}

test_demanded if {
	threshold.demanded({"trust": "a"}) == 1
	threshold.demanded(_list(["a", "b"])) == 2
	threshold.demanded(object.union(_list(["a", "b"]), {"require": "all"})) == 2
	threshold.demanded(object.union(_list(["a", "b"]), {"require": "any"})) == 1
	threshold.demanded(object.union(_list(["a", "b", "c"]), {"require": {"threshold": 2}})) == 2
}

test_leaves_in_order if {
	threshold.leaves(_list(["a", {"notation": {}}])) == [
		{"place": [0], "signer": "a"},
		{"place": [1], "signer": {"notation": {}}},
	]
	threshold.leaves(_tree) == [
		{"place": [0], "signer": "release"},
		{"place": [1, 0], "signer": _attestation},
		{"place": [1, 1, 0], "signer": {"notation": {}}},
		{"place": [1, 1, 1], "signer": "build"},
	]
}

test_document_with_a_list_of_signers_inside_is_a_leaf if {
	document := {"notation": {"trust_policy": {"signers": ["x"]}}}
	threshold.leaves(_list([_attestation, document]))[1] == {"place": [1], "signer": document}
}

test_labels if {
	threshold.label([0], "release") == "release"
	threshold.label([1, 0], {"notation": {}}) == "signer 2.1"
	threshold.label([0], _attestation) == "scanner attestation"
	threshold.label([4], object.union(_attestation, {"trust": {"cosign": {}}})) == "signer 5 attestation"
}

# Counting

test_met if {
	threshold.met(_tree, {[0], [1, 0]})
	threshold.met(_tree, {[0], [1, 1, 0], [1, 1, 1]})
	every places in [set(), {[0]}, {[1, 0]}, {[0], [1, 1, 0]}, {[1, 0], [1, 1, 0], [1, 1, 1]}] {
		not threshold.met(_tree, places)
	}
}

_nest(signer) := {"signers": [signer]}

_deep := _list([_nest(_nest(_nest(_attestation)))])

test_met_at_the_greatest_depth if {
	threshold.faults(_deep, _documents) == set()
	threshold.met(_deep, {[0, 0, 0, 0]})
	not threshold.met(_deep, {[0, 0, 0]} - {[0, 0, 0]})
	three := _list([_nest(_nest(_attestation))])
	threshold.met(three, {[0, 0, 0]})
}

test_standing if {
	threshold.standing(_tree, {[0], [1, 1, 1]}, {[1, 0]: "no_signature: none"}) == {
		"count": 1,
		"demanded": 2,
		"text": "release; missing: 1 of (scanner attestation (no_signature: none), signer 2.2.1 (not verified), build)",
	}
	threshold.standing(_tree, {[1, 1, 0], [1, 1, 1]}, {[0]: "down"}) == {
		"count": 1,
		"demanded": 2,
		"text": "(signer 2.2.1, build); missing: release (down)",
	}
}

# Mistakes

_unfound := `"c": not a trust document, and no name of one in data.trust.documents`

_require := `require goes with signers and is "all", "any" or {"threshold": 1 to the number of signers}`

_empty := "signers must be a list of one or more"

test_nothing_wrong if {
	every statement in [
		_tree, _list([_attestation]), _list([_nest("build")]), _list([object.union(_nest("build"), {"require": "all"})]),
		_list([{"signers": ["build", "release"], "require": {"threshold": 2}}]),
		_list([{"attestation": "t", "trust": {"cosign": {}}}]),
	] {
		threshold.faults(statement, _documents) == set()
	}
}

test_signer_with_a_mistake if {
	every c in [
		["c", {_unfound}],
		[7, {"7: not a trust document, and no name of one in data.trust.documents"}],
		["set", {`"set": not a trust document, and no name of one in data.trust.documents`}],
		[{"attestation": "t", "trust": "c"}, {_unfound}],
		[{"attestation": "t"}, {"null: not a trust document, and no name of one in data.trust.documents"}],
		[{"attestation": "t", "trust": _attestation}, {concat("", [
			json.marshal(_attestation),
			": not a trust document, and no name of one in data.trust.documents",
		])}],
		[{"attestation": "", "trust": "build"}, {"attestation must be a predicate type"}],
		[{"attestation": ["t"], "trust": "build"}, {"attestation must be a predicate type"}],
		[{"trust": "build"}, {"attestation must be a predicate type"}],
		[{"attestation": "t", "trust": "build", "where": {}}, {"unknown key where; there are attestation, trust"}],
		[{"atestation": "t", "trust": "build"}, {
			"unknown key atestation; there are attestation, trust",
			"attestation must be a predicate type",
		}],
		[{"signers": []}, {_empty}],
		[{"signers": "build"}, {_empty}],
		[{"signers": {}}, {_empty}],
		[{"require": "any"}, {_empty, _require}],
		[{"signers": ["build"], "trust": "build"}, {"unknown key trust; there are require, signers"}],
		[{"signers": ["build"], "require": "some"}, {_require}],
		[{"signers": ["build"], "require": {"threshold": 2}}, {_require}],
		[{"signers": ["build"], "require": {"threshold": 0}}, {_require}],
		[{"signers": ["build"], "require": {"threshold": 1, "of": 1}}, {_require}],
	] {
		[signer, lines] := c
		found := threshold.faults(_list([_attestation, signer]), _documents)
		[signer, found] == [signer, {sprintf("signers[1]: %s", [line]) | some line in lines}]
	}
}

test_mistake_further_down if {
	faults := threshold.faults(_list([_nest(_nest("c"))]), _documents)
	faults == {sprintf("signers[0].signers[0].signers[0]: %s", [_unfound])}
}

test_too_deep if {
	faults := threshold.faults(_list([_nest(_nest(_nest(_nest("build"))))]), _documents)
	faults == {"signers[0].signers[0].signers[0].signers[0]: signers within signers end at a depth of 4"}
}

test_too_many_in_all if {
	four := {"signers": ["build" | some _ in numbers.range(1, 4)]}
	threshold.faults(_list([four, four]), _documents) == set()
	threshold.faults(_list([four, four, "build"]), _documents) == {"must have at most 8 signers in all"}
}

test_require if {
	every node in [{}, _list(["a"]), object.union(_list(["a"]), {"require": "any"})] {
		threshold.require_faults(node) == set()
	}
	every require in ["some", 1, null, {"threshold": 2}, {"threshold": 0.5}, {"threshold": "1"}, {}] {
		threshold.require_faults(object.union(_list(["a"]), {"require": require})) == {_require}
	}
}

test_require_goes_with_signers if threshold.require_faults({"trust": "a", "require": "all"}) == {_require}
