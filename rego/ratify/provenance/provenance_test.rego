# SPDX-License-Identifier: Apache-2.0

package ratify.provenance_test

import data.ratify.provenance

_commit := "d6525c840a62b398424a78d792f457477135d0cf"

_builder := "https://github.com/actions/runner/github-hosted"

# As GitHub's artifact attestations have it
_v1 := {
	"buildDefinition": {
		"buildType": "https://actions.github.io/buildtypes/workflow/v1",
		"externalParameters": {"workflow": {
			"ref": "refs/tags/v1.2.3",
			"repository": "https://github.com/acme/app",
			"path": ".github/workflows/release.yml",
		}},
		"internalParameters": {"github": {"event_name": "push"}},
		"resolvedDependencies": [{
			"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3",
			"digest": {"gitCommit": _commit},
		}],
	},
	"runDetails": {
		"builder": {"id": _builder},
		"metadata": {"invocationId": "https://github.com/acme/app/actions/runs/1/attempts/1"},
	},
}

_generator := "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml"

# As the container generator of slsa-framework has it
_v02 := {
	"builder": {"id": sprintf("%s@refs/tags/v2.1.0", [_generator])},
	"buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
	"invocation": {
		"configSource": {
			"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3",
			"digest": {"sha1": _commit},
			"entryPoint": ".github/workflows/release.yml",
		},
		"parameters": {},
		"environment": {"github_actor": "somebody"},
	},
	"metadata": {"completeness": {"parameters": true, "environment": false, "materials": false}, "reproducible": false},
	"materials": [{"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3", "digest": {"sha1": _commit}}],
}

_attestation(digest, type, predicate) := {
	"digest": digest, "verified": true, "errors": [],
	"statement": {"predicateType": type, "predicate": predicate},
}

_answers(attestations) := [{
	"reference": "registry.example/app@sha256:a", "digest": "sha256:a", "verdict": "verified", "errors": [],
	"attestations": attestations,
}]

_of_v1(predicate) := _answers([_attestation("sha256:b", "https://slsa.dev/provenance/v1", predicate)])

_of_v02(predicate) := _answers([_attestation("sha256:b", "https://slsa.dev/provenance/v0.2", predicate)])

_settings := {
	"builders": [
		{"id": _builder, "level": 2},
		{"pattern": sprintf(`%s@refs/tags/v2\.[0-9.]+`, [_generator]), "level": 3},
	],
	"minimum_level": 2,
	"sources": [{
		"repository": "https://github.com/acme/app",
		"refs": [`refs/tags/v[0-9.]+`],
		"digests": [_commit, "other"],
	}],
}

_allow(answers, changes) := provenance.decision(answers, object.union(_settings, changes)).allow

_line_of(answers, settings) := line if {
	decision := provenance.decision(answers, settings)
	decision.allow == false
	count(decision.reasons) == 1
	line := trim_prefix(decision.reasons[0], "provenance_mismatch: sha256:b: ")
}

test_builds if {
	source := {"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.2.3", "digests": {_commit}}
	dependency := {"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3", "digests": {_commit}}
	provenance.builds(_of_v1(_v1), {}) == [{
		"digest": "sha256:b", "builder": _builder, "build_type": _v1.buildDefinition.buildType,
		"parameters": _v1.buildDefinition.externalParameters, "sources": [source], "dependencies": [dependency],
	}]
	provenance.builds(_of_v02(_v02), {}) == [{
		"digest": "sha256:b", "builder": _v02.builder.id, "build_type": _v02.buildType,
		"parameters": {}, "sources": [source], "dependencies": [dependency],
	}]
}

test_good_builds_are_allowed if {
	every answers in [_of_v1(_v1), _of_v02(_v02)] {
		provenance.decision(answers, _settings) == {"allow": true, "reasons": []}
	}
}

# Builders

test_builder if {
	line := sprintf("the builder %q is not trusted", [_builder])
	_line_of(_of_v1(_v1), {"builders": [{"id": "https://evil.example"}]}) == line
	every builders in [
		[{"id": sprintf("%s/", [_builder])}], [{"pattern": "https://github.com/actions/runner/github"}],
		[{"pattern": "github-hosted"}],
	] {
		_allow(_of_v1(_v1), {"builders": builders}) == false
	}
	every id in [null, 7, {}] {
		_allow(_of_v1(object.union(_v1, {"runDetails": {"builder": {"id": id}}})), {}) == false
	}
}

test_builder_that_is_not_named if {
	_allow(_of_v1(object.remove(_v1, ["runDetails"])), {}) == false
	_allow(_of_v02(object.remove(_v02, ["builder"])), {}) == false
}

test_level_of_the_builder if {
	_allow(_of_v1(_v1), {"minimum_level": 2})
	_allow(_of_v02(_v02), {"minimum_level": 3})
	line := sprintf("the builder %q is trusted for SLSA level 2, not 3", [_builder])
	_line_of(_of_v1(_v1), object.union(_settings, {"minimum_level": 3})) == line
	_allow(_of_v1(_v1), {"builders": [{"id": _builder}]}) == false
	_allow(_of_v1(_v1), {"builders": [{"id": _builder}], "minimum_level": 1})
}

# Sources

_wanted(changes) := {"sources": [object.union(_settings.sources[0], changes)]}

test_source if {
	every answers in [_of_v1(_v1), _of_v02(_v02)] {
		every changes in [
			{}, {"repository": "https://github.com/acme/app.git"}, {"repository": "git+https://github.com/acme/app/"},
			{"refs": ["x", "refs/tags/.*"]}, {"digests": [_commit]},
		] {
			_allow(answers, _wanted(changes))
		}
		every changes in [
			{"repository": "https://github.com/acme/ap"}, {"repository": "https://github.com/acme"},
			{"repository": "https://github.com.evil.example/acme/app"}, {"refs": ["refs/heads/main"]}, {"refs": ["tags"]},
			{"refs": ["refs/tags/v1"]}, {"digests": ["other"]}, {"digests": [substring(_commit, 0, 8)]},
		] {
			_allow(answers, _wanted(changes)) == false
		}
	}
}

test_source_by_repository_alone if {
	_allow(_of_v1(_v1), {"sources": [{"repository": "https://github.com/acme/app"}]})
	ours := {"repository": "https://github.com/acme/app"}
	_allow(_of_v1(_v1), {"sources": [{"repository": "https://x.example/y/z"}, ours]})
}

_parameters(parameters) := _of_v1(json.patch(_v1, [{
	"op": "replace",
	"path": "/buildDefinition/externalParameters",
	"value": parameters,
}]))

test_where_build_types_name_the_source if {
	there := "git+https://github.com/acme/app.git@refs/tags/v1.2.3"
	place := {"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.2.3"}
	every parameters in [
		{"source": there}, {"source": {"uri": there}}, {"source": {"uri": there, "digest": {"sha1": _commit}}},
		{"sourceToBuild": place}, {"buildConfigSource": place},
		{"configSource": {"uri": "https://github.com/acme/app.git#refs/tags/v1.2.3"}},
		{"sourceToBuild": place, "buildConfigSource": place},
	] {
		_allow(_parameters(parameters), {})
	}
	every parameters in [
		{"source": "git+https://github.com/acme/app"}, {"source": 7}, {"source": {}}, {"source": {"uri": 7}},
		{"sourceToBuild": place, "buildConfigSource": {"repository": "https://evil.example/x/y"}},
		{"workflow": object.union(place, {"ref": 7})},
	] {
		_allow(_parameters(parameters), {}) == false
	}
}

# A build of something else that depends on ours.
test_dependency_is_not_the_source if {
	evil := {"workflow": {"repository": "https://github.com/evil/app", "ref": "refs/tags/v1.2.3"}}
	line := `the source https://github.com/evil/app at "refs/tags/v1.2.3" is none of sources`
	_line_of(_parameters(evil), _settings) == line
	_allow(_parameters({"workflow": {"repository": "https://github.com/acme/app", "ref": "refs/tags/v1"}}), {}) == false
}

test_source_that_is_not_named if {
	_allow(_of_v02(object.union(_v02, {"invocation": {"configSource": null}})), {}) == false
	_allow(_of_v02(object.remove(_v02, ["invocation"])), {}) == false
	line := concat("", [
		"it names no source where this build type is known to; ",
		"see source_parameter, or dependencies instead of sources if it is named only there",
	])
	every parameters in [{}, {"other": {"repository": "https://github.com/acme/app"}}, null, "x", []] {
		_line_of(_parameters(parameters), _settings) == line
	}
}

# As the delegator of slsa-framework has it, shortened
_delegated(changes) := _of_v1({
	"buildDefinition": object.union(
		{
			"buildType": "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0",
			"externalParameters": {"inputs": {"node-version": 20}, "vars": {}},
			"internalParameters": {"GITHUB_SHA": _commit},
			"resolvedDependencies": [
				{"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3", "digest": {"sha1": _commit}},
				{"uri": "git+https://github.com/evil/app@refs/tags/v1.2.3"},
			],
		},
		changes,
	),
	"runDetails": _v1.runDetails,
})

test_source_is_the_first_dependency_of_the_delegator if {
	_allow(_delegated({}), {})
	[build] := provenance.builds(_delegated({}), {})
	build.sources == [{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.2.3", "digests": {_commit}}]

	ours := {"uri": "git+https://github.com/acme/app@refs/tags/v1.2.3", "digest": {"gitCommit": _commit}}
	_allow(_delegated({"resolvedDependencies": [ours]}), {})
	line := `the source https://github.com/evil/app at "refs/tags/v1.2.3" is none of sources`
	evil := {"uri": "git+https://github.com/evil/app@refs/tags/v1.2.3"}
	_line_of(_delegated({"resolvedDependencies": [evil, ours]}), _settings) == line
	_line_of(_delegated({"externalParameters": {"source": evil}}), _settings) == line
	every dependencies in [
		[], null, {}, "x", [null, ours], [7, ours], [{}, ours], [{"uri": 7}, ours], [object.remove(ours, ["digest"])],
		[{"digest": ours.digest}, ours], [{"uri": "pkg:generic/acme/app"}, ours], {"0": ours},
	] {
		_allow(_delegated({"resolvedDependencies": dependencies}), {}) == false
	}
	every type in ["", null, "https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v1"] {
		_allow(_delegated({"buildType": type}), {}) == false
	}
}

test_source_where_the_settings_say if {
	there := {"inputs": {"from": "git+https://github.com/acme/app@refs/tags/v1.2.3"}}
	_allow(_parameters(there), {}) == false
	_allow(_parameters(there), {"source_parameter": "inputs/from"})
	_allow(_parameters(there), {"source_parameter": "inputs/other"}) == false
}

test_repository if {
	every c in [
		["https://github.com/acme/app", "https://github.com/acme/app"], ["git+https://h/a/b.git@refs/x", "https://h/a/b"],
		["https://h/a/b.git#refs/heads/main:dir", "https://h/a/b"], ["git+ssh://git@h/a/b.git@x", "ssh://git@h/a/b"],
		["https://h/a/b/", "https://h/a/b"], ["pkg:docker/x@1", "pkg:docker/x@1"], ["", ""],
	] {
		provenance.repository(c[0]) == c[1]
	}
}

# Build types, parameters, dependencies

test_build_type if {
	_allow(_of_v1(_v1), {"build_types": ["x", _v1.buildDefinition.buildType]})
	line := sprintf("the build type %q is none of build_types", [_v1.buildDefinition.buildType])
	_line_of(_of_v1(_v1), object.union(_settings, {"build_types": ["x"]})) == line
}

test_parameters if {
	path := "workflow/path"
	_allow(_of_v1(_v1), {"parameters": {path: ["x", ".github/workflows/release.yml"]}})
	line := "the parameter workflow/path is not as it must be"
	_line_of(_of_v1(_v1), object.union(_settings, {"parameters": {path: ["x"]}})) == line
	_allow(_of_v1(_v1), {"parameters": {"workflow/none": ["x"]}}) == false
	every accepted in [[], "x", {}, null, [".github/workflows/release.yml.evil"]] {
		_allow(_of_v1(_v1), {"parameters": {path: accepted}}) == false
	}
	every parameters in [null, "x", [".github/workflows/release.yml"]] {
		_allow(_parameters(parameters), {"parameters": {"path": ["x"]}}) == false
	}
}

test_other_parameters if {
	_allow(_of_v1(_v1), {"allowed_parameters": ["workflow", "inputs"]})
	more := object.union(_v1.buildDefinition.externalParameters, {"inputs": {}})
	_allow(_parameters(more), {})
	line := "the parameter inputs is not among allowed_parameters"
	_line_of(_parameters(more), object.union(_settings, {"allowed_parameters": ["workflow"]})) == line
	every parameters in ["x", ["y"]] {
		settings := {"builders": _settings.builders, "allowed_parameters": ["workflow"]}
		provenance.decision(_parameters(parameters), settings).allow == false
		provenance.decision(_of_v02(object.union(_v02, {"invocation": {"parameters": parameters}})), settings).allow == false
	}
}

test_dependencies if {
	_allow(_of_v1(_v1), {"dependencies": [`git\+https://github\.com/acme/app@.*`]})
	line := "no resolved dependency with a digest is pkg:docker/base.+"
	_line_of(_of_v1(_v1), object.union(_settings, {"dependencies": ["pkg:docker/base.+"]})) == line
	_allow(_depending({"uri": "pkg:docker/base@1", "digest": {"sha256": "x"}}), {"dependencies": ["pkg:docker/base.+"]})
	every dependency in [
		{"uri": "pkg:docker/base@1"}, {"uri": "pkg:docker/base@1", "digest": {}}, {"uri": 7, "digest": {"sha256": "x"}},
		{"uri": "pkg:docker/base@1", "digest": {"sha256": 7}}, {"digest": {"sha256": "x"}}, null,
	] {
		_allow(_depending(dependency), {"dependencies": ["pkg:docker/base.+"]}) == false
	}
}

_depending(dependency) := _of_v02(object.union(_v02, {"materials": array.concat(_v02.materials, [dependency])}))

# Statements

test_one_good_statement_is_enough if {
	bad := _attestation("sha256:c", "https://slsa.dev/provenance/v1", {})
	good := _attestation("sha256:b", "https://slsa.dev/provenance/v1", _v1)
	_allow(_answers([bad, good]), {})
	_allow(_answers([good, {"verified": false, "digest": "sha256:d", "errors": [{"code": "timeout"}]}]), {})
}

test_reasons_of_the_nearest_statement if {
	bad := _attestation("sha256:c", "https://slsa.dev/provenance/v1", {"buildDefinition": {}})
	better := _attestation("sha256:b", "https://slsa.dev/provenance/v1", object.remove(_v1, ["runDetails"]))
	decision := provenance.decision(_answers([bad, better]), _settings)
	decision.reasons == [`provenance_mismatch: sha256:b: the builder "" is not trusted`]
}

test_statement_that_is_not_signed_denies if {
	shown := object.union(_of_v1(_v1)[0].attestations[0], {"verified": false})
	every answers in [_answers([shown]), _answers([]), [], null, [{}]] {
		decision := provenance.decision(answers, _settings)
		decision.allow == false
		count(decision.reasons) > 0
	}
}

test_statement_of_another_type_denies if {
	_allow(_of_v02(_v1), {}) == false
	_allow(_of_v1(_v02), {}) == false
	_allow(_of_v1("text"), {}) == false
	line := "no_evidence: no statement of SLSA provenance v1 or v0.2 is verified"
	every type in ["https://slsa.dev/provenance/v0.1", "https://slsa.dev/provenance/v1/x", "https://spdx.dev/Document"] {
		_line_of(_answers([_attestation("sha256:b", type, _v1)]), _settings) == line
	}
}

test_settings_with_a_mistake_deny if {
	good := {"id": "x"}
	every settings in [
		null, {}, {"builders": []}, {"builders": ["x"]}, {"builders": [{}]}, {"builders": [{"level": 1}]},
		{"builders": [{"id": "x", "pattern": "y"}]}, {"builders": [{"pattern": ".*"}]},
		{"builders": [{"id": "x", "level": "3"}]},
		{"builders": [{"id": "x", "name": "y"}]}, {"builders": {"a": good}}, {"builders": [good], "source": []},
		{"builders": [good], "sources": []}, {"builders": [good], "sources": [{"refs": ["x"]}, {}]},
		{"builders": [good], "sources": [{"repository": "x", "refs": [".*"]}]},
		{"builders": [good], "sources": [{"repository": "x", "refs": "x"}]}, {"builders": [good], "dependencies": ["("]},
		{"builders": [good], "sources": ["x"]}, {"builders": [good], "minimum_level": 0},
	] {
		decision := provenance.decision(_of_v1(_v1), settings)
		decision.allow == false
		startswith(decision.reasons[0], "invalid_settings: ")
	}
}
