# SPDX-License-Identifier: Apache-2.0

package ratify.policy_settings_test

import data.ratify.policy_settings

_request := {"image": "nginx", "namespace": "team-a"}

_good := {"name": "acme", "scopes": ["registry.example"], "trust": {"notation": {}}}

_many := {"name": "acme", "scopes": ["*"], "signers": ["a", {"notation": {}}, "b"]}

_documents := {"a": {"cosign": {}}, "b": {"notation": {}}, "broken": "text"}

_faults(statement) := policy_settings.faults(_request, {"policies": [statement], "documents": _documents})

test_nothing_wrong if {
	every statement in [
		_good, object.union(_good, {"trust": "a"}), _many, object.union(_many, {"require": "any"}),
		object.union(_many, {"require": "all"}), object.union(_many, {"require": {"threshold": 1}}),
		object.union(_many, {"require": {"threshold": 3}}),
	] {
		_faults(statement) == []
	}
}

test_no_policies_is_no_mistake if policy_settings.faults(_request, {"policies": []}) == []

_changed(statement, change) := object.union(object.remove(statement, object.keys(change)), change)

test_statement_with_a_mistake if {
	trust := "must have either trust or signers, a list of 1 to 10"
	require := `require goes with signers and is "all", "any" or {"threshold": 1 to the number of signers}`
	scopes := `scopes must be a list of patterns such as "registry.example/team", or "*"`
	every c in [
		[{"scope": ["*"]}, "unknown key scope; a policy has enforcement, name, require, scopes, signers, trust"],
		[{"name": 7}, "name must be a string"],
		[{"scopes": "*"}, scopes],
		[{"scopes": []}, scopes],
		[{"scopes": ["*", 7]}, scopes],
		[{"scopes": {"a": "*"}}, scopes],
		[{"trust": "c"}, `"c": not a trust document, and no name of one in data.trust.documents`],
		[{"trust": "broken"}, `"broken": not a trust document, and no name of one in data.trust.documents`],
		[{"trust": null}, `null: not a trust document, and no name of one in data.trust.documents`],
		[{"trust": false}, `false: not a trust document, and no name of one in data.trust.documents`],
		[{"signers": ["a"]}, trust],
		[{"require": "all"}, require],
	] {
		[change, fault] := c
		_faults(_changed(_good, change)) == [sprintf("data.trust.policies[0]: %s", [fault])]
	}
	every c in [
		[{"signers": ["a", "c"]}, `"c": not a trust document, and no name of one in data.trust.documents`],
		[{"signers": []}, trust],
		[{"signers": "a"}, trust],
		[{"signers": {"x": "a"}}, trust],
		[{"signers": false}, trust],
		[{"signers": ["a" | some _ in numbers.range(1, 11)]}, trust],
		[{"require": "some"}, require],
		[{"require": 2}, require],
		[{"require": {"threshold": 0}}, require],
		[{"require": {"threshold": 4}}, require],
		[{"require": {"threshold": 1.5}}, require],
		[{"require": {"threshold": "2"}}, require],
		[{"require": {"threshold": 1, "of": 3}}, require],
	] {
		[change, fault] := c
		_faults(_changed(_many, change)) == [sprintf("data.trust.policies[0]: %s", [fault])]
	}
}

test_what_is_no_statement if {
	every value in [null, 7, "acme", []] {
		_faults(value) == ["data.trust.policies[0]: must be an object with name, scopes and trust"]
	}
}

test_empty_statement_lacks_everything if count(_faults({})) == 3

test_what_is_no_list if {
	policy_settings.faults(_request, {}) == ["data.trust.policies must be a list of policies, is null"]
	faults := policy_settings.faults(_request, {"policies": {"acme": _good}})
	faults == ["data.trust.policies must be a list of policies, is object"]
}

test_sections_of_a_wrong_type if {
	policy_settings.faults(_request, {"policies": [_good], "documents": [], "namespaces": "x"}) == [
		"data.trust.documents must be an object, is array",
		"data.trust.namespaces must be an object, is string",
	]
}

test_what_is_no_request if {
	policy_settings.faults({"namespace": 7}, {"policies": [_good]}) == [
		"input.image is not a string",
		"input.namespace is not a string",
	]
	policy_settings.faults({"image": "nginx"}, {"policies": [_good]}) == []
}

test_mistake_in_the_requests_namespace if {
	every c in [
		[{"policies": [7]}, "data.trust.namespaces.team-a.policies[0]: must be an object with name, scopes and trust"],
		[{"policies": {}}, "data.trust.namespaces.team-a.policies must be a list of policies, is object"],
		[{"policy": []}, "data.trust.namespaces.team-a must be an object with the one key policies"],
		[[], "data.trust.namespaces.team-a must be an object with the one key policies"],
		[null, "data.trust.namespaces.team-a must be an object with the one key policies"],
		[false, "data.trust.namespaces.team-a must be an object with the one key policies"],
	] {
		[section, fault] := c
		settings := {"policies": [_good], "namespaces": {"team-a": section}}
		policy_settings.faults(_request, settings) == [fault]
		policy_settings.faults({"image": "nginx", "namespace": "team-b"}, settings) == []
	}
}

test_policies_of_a_namespace if {
	settings := {"policies": [], "namespaces": {"team-a": {"policies": [_good]}}}
	policy_settings.namespaced(_request, settings) == [_good]
	policy_settings.namespaced({"image": "nginx", "namespace": "team-b"}, settings) == []
	policy_settings.namespaced({"image": "nginx"}, settings) == []
	policy_settings.namespaced(_request, {}) == []
}

test_trust_documents_are_looked_up if {
	policy_settings.trusts(_good, {}) == [{"notation": {}}]
	policy_settings.trusts(_many, {"documents": _documents}) == [{"cosign": {}}, {"notation": {}}, {"notation": {}}]
}

test_questions_are_those_of_the_leaves if {
	policy_settings.questions(_good, {}) == [{"trust": {"notation": {}}}]
	asked := policy_settings.questions(_many, {"documents": _documents})
	asked == [{"trust": {"cosign": {}}}, {"trust": {"notation": {}}}, {"trust": {"notation": {}}}]
	nested := object.union(_good, {"signers": ["a", {"signers": [{"attestation": "t", "trust": "b"}, {"cosign": {}}]}]})
	policy_settings.questions(nested, {"documents": _documents}) == [
		{"trust": {"cosign": {}}},
		{"trust": {"notation": {}}, "predicate_type": "t"},
		{"trust": {"cosign": {}}},
	]
}

# What else can be wrong there is tried in `data.ratify.threshold_test`.
test_mistakes_of_nested_signers if {
	_faults(object.union(_many, {"signers": ["a", {"attestation": "t", "trust": "b"}]})) == []
	empty := "data.trust.policies[0]: signers[1]: signers must be a list of one or more"
	_faults(object.union(_many, {"signers": ["a", {"signers": []}]})) == [empty]
	both := "data.trust.policies[0]: must have either trust or signers, a list of 1 to 10"
	_faults(object.union(_good, {"signers": [{"attestation": "t", "trust": "b"}]})) == [both]
}

test_enforcement if {
	policy_settings.enforcement(_good) == "deny"
	every enforcement in ["deny", "warn", "dryrun"] {
		statement := object.union(_good, {"enforcement": enforcement})
		policy_settings.enforcement(statement) == enforcement
		_faults(statement) == []
	}
	every wrong in ["audit", "Warn", "", null, false, ["warn"], {"warn": true}] {
		_faults(object.union(_good, {"enforcement": wrong})) == [concat("", [
			"data.trust.policies[0]: ",
			"enforcement is deny, warn or dryrun",
		])]
	}
}
