# SPDX-License-Identifier: Apache-2.0

package ratify.exemption_test

import data.ratify.exemption

_digest := sprintf("sha256:%s", [concat("", ["a" | some _ in numbers.range(1, 64)])])

_other := sprintf("sha256:%s", [concat("", ["b" | some _ in numbers.range(1, 64)])])

_duties := {"owner": "team-a", "ticket": "OPS-7", "expires": "2026-06-01T00:00:00Z"}

_grant(conditions) := object.union(_duties, conditions)

_denied := {"allow": false, "report": {"digest": ""}, "reasons": ["no_signature: none"], "warnings": ["w"]}

_resolved := object.union(_denied, {"report": {"digest": _digest}})

_request := {"image": "registry.example/old/app:v1", "namespace": "legacy"}

_now(text) := time.parse_rfc3339_ns(text)

_applied(decision, request, exemptions) := result if {
	result := exemption.applied(decision, request, exemptions) with time.now_ns as _now("2026-05-01T00:00:00Z")
}

_exempts(conditions, decision, request) if {
	_applied(decision, request, {"grants": [_grant(conditions)]}).allow
}

# What an exemption does

test_exempt_image if {
	result := _applied(_denied, _request, {"grants": [{}, _grant({"namespaces": ["legacy"]})]})
	result.allow == true
	result.report == _denied.report
	result.exemption == object.union(_duties, {"path": "data.trust.exemptions.grants[1]"})
	result.reasons == [
		concat("", [
			"exempt until 2026-06-01T00:00:00Z by data.trust.exemptions.grants[1], ",
			"owner team-a, ticket OPS-7; without it:",
		]),
		"no_signature: none",
	]
	result.warnings == array.concat(["w"], result.reasons)
}

test_allowed_image_stays_as_it_is if {
	allowed := object.union(_denied, {"allow": true})
	_applied(allowed, _request, {"grants": [_grant({"namespaces": ["legacy"]})]}) == allowed
}

test_image_that_is_not_exempt_stays_denied if {
	_applied(_denied, _request, {"grants": [_grant({"namespaces": ["other"]})]}) == _denied
	_applied(_denied, _request, {}) == _denied
	_applied(_denied, _request, {"grants": []}) == _denied
}

test_expired_exemption_denies_and_says_so if {
	exemptions := {"grants": [_grant({"namespaces": ["legacy"]})]}
	exemption.applied(_denied, _request, exemptions).allow with time.now_ns as _now("2026-05-31T23:59:59Z")
	every now in ["2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z", "2030-01-01T00:00:00Z"] {
		result := exemption.applied(_denied, _request, exemptions) with time.now_ns as _now(now)
		result.allow == false
		result.reasons == [
			"no_signature: none",
			concat("", [
				"the exemption data.trust.exemptions.grants[0] ended at 2026-06-01T00:00:00Z, ",
				"owner team-a, ticket OPS-7; sign the image, or renew it",
			]),
		]
	}
}

test_expired_exemption_of_others_is_not_mentioned if {
	exemptions := {"grants": [_grant({"namespaces": ["other"]})]}
	result := exemption.applied(_denied, _request, exemptions) with time.now_ns as _now("2030-01-01T00:00:00Z")
	result == _denied
}

# Whom it exempts

test_by_namespace if {
	_exempts({"namespaces": ["x", "legacy"]}, _denied, _request)
	not _exempts({"namespaces": ["legacy-2"]}, _denied, _request)
	not _exempts({"namespaces": ["legacy"]}, _denied, {"image": _request.image, "namespace": ""})
	not _exempts({"namespaces": ["legacy"]}, _denied, {"image": _request.image})
}

test_by_scope if {
	every scope in [
		"registry.example", "*.example", "registry.example/old",
		"registry.example/old/*", "registry.example/**",
	] {
		_exempts({"scopes": ["other.example", scope]}, _denied, _request)
	}
	every scope in ["registry.example/ol", "registry.example:443/other", "example", "registry.example/old/app/x"] {
		not _exempts({"scopes": [scope]}, _denied, _request)
	}
}

test_by_digest if {
	_exempts({"digests": [_other, _digest]}, _denied, {"image": sprintf("registry.example/app@%s", [_digest])})
	_exempts({"digests": [_digest]}, _denied, {"image": sprintf("registry.example/app:v1@%s", [_digest])})
	not _exempts({"digests": [_other]}, _denied, {"image": sprintf("registry.example/app@%s", [_digest])})
}

test_tag_is_exempt_by_digest_only_if_resolved if {
	not _exempts({"digests": [_digest]}, _denied, _request)
	not _exempts({"digests": [_digest]}, object.union(_denied, {"report": {}}), _request)
	_exempts({"digests": [_digest]}, _resolved, _request)
	not _exempts({"digests": [_digest]}, _resolved, {"image": sprintf("registry.example/app@%s", [_other])})
}

test_every_condition_must_hold if {
	_exempts({"namespaces": ["legacy"], "scopes": ["registry.example"], "digests": [_digest]}, _resolved, _request)
	not _exempts({"namespaces": ["legacy"], "scopes": ["other.example"]}, _resolved, _request)
	not _exempts({"namespaces": ["other"], "scopes": ["registry.example"]}, _resolved, _request)
	not _exempts({"namespaces": ["legacy"], "digests": [_other]}, _resolved, _request)
}

test_grandfathered_by_digest_alone if {
	_applied(_resolved, _request, {"grandfathered": _grant({"digests": [_digest]})}).exemption.path == _grandfathered
	not _applied(_denied, _request, {"grandfathered": _grant({"digests": [_digest]})}).allow
	every conditions in [{}, {"scopes": ["registry.example"]}, {"namespaces": ["legacy"], "digests": [_digest]}] {
		not _applied(_resolved, _request, {"grandfathered": _grant(conditions)}).allow
	}
}

_grandfathered := "data.trust.exemptions.grandfathered"

# Mistakes

_faults(exemptions) := faults if {
	faults := exemption.faults(exemptions) with time.now_ns as _now("2026-05-01T00:00:00Z")
}

test_no_mistakes if {
	_faults({}) == []
	_faults({
		"longest_days": 31,
		"grants": [_grant({"namespaces": ["a"]})],
		"grandfathered": _grant({"digests": [_digest]}),
	}) == []
	_faults({"grants": [_grant({"scopes": [
		"localhost", "localhost:5000/a", "registry.example", "*.registry.example:5000/a/*/b/**",
		"Registry.Example/a_b/c--d", "10.0.0.1/x", "docker.io/library/nginx",
	]})]}) == []
	_faults({"grants": [object.union(_grant({"namespaces": ["a"]}), {"expires": "2020-01-01T00:00:00+02:00"})]}) == []
}

_changed(change) := object.union(object.remove(_grant({"namespaces": ["legacy"]}), object.keys(change)), change)

test_malformed_exemption_never_exempts_and_is_reported if {
	when := `expires must be a time such as "2026-12-31T00:00:00Z" (RFC 3339)`
	scopes := `scopes must be a list of scopes such as "registry.example/team/**", each with a registry`
	digests := "digests must be a list of digests, sha256: and 64 hex digits"
	namespaces := "namespaces must be a list of names of namespaces"
	every c in [
		[{"namespace": "legacy"}, "unknown key namespace; it has digests, expires, namespaces, owner, scopes, ticket"],
		[{"owner": ""}, "owner must say who or where, in a string"],
		[{"owner": 7}, "owner must say who or where, in a string"],
		[{"ticket": "  "}, "ticket must say who or where, in a string"],
		[{"ticket": null}, "ticket must say who or where, in a string"],
		[{"expires": "2026-06-01"}, when],
		[{"expires": "never"}, when],
		[{"expires": ""}, when],
		[{"expires": null}, when],
		[{"expires": 1780000000}, when],
		[{"expires": "9999-12-31T00:00:00Z"}, when],
		[{"expires": "2026-06-01T00:00:01Z"}, "expires is more than 31 days ahead"],
		[{"scopes": "registry.example"}, scopes],
		[{"scopes": []}, scopes],
		[{"scopes": {"a": "registry.example"}}, scopes],
		[{"digests": ["sha256:aa"]}, digests],
		[{"digests": [upper(_digest)]}, digests],
		[{"digests": [_digest, 7]}, digests],
		[{"digests": null}, digests],
		[{"namespaces": []}, namespaces],
		[{"namespaces": ["*"]}, namespaces],
		[{"namespaces": ["legacy", ""]}, namespaces],
		[{"namespaces": "legacy"}, namespaces],
		[{"namespaces": false}, namespaces],
	] {
		[change, fault] := c
		line := sprintf("the exemption data.trust.exemptions.grants[0] does not count: %s", [fault])
		exemptions := {"longest_days": 31, "grants": [_changed(change)]}
		_faults(exemptions) == [line]
		result := _applied(_resolved, _request, exemptions)
		result.allow == false
		result.reasons == ["no_signature: none", line]
	}
}

# They would stop evaluation, or exempt everything.
test_scope_that_is_none if {
	every wrong in [
		"*", "", "app", "team/app", "*.", "*.com:x", "registry.example/", "registry.example//a", "registry.example/A",
		"registry.example/**/app", "registry.example/team-*", "registry.example/a:v1", "registry.*", "reg*.example",
		"registry.example/***", "*/registry.example", "https://registry.example", "registry.example/a b", 7, null, ["a"],
	] {
		[fault] := _faults({"grants": [_grant({"scopes": [wrong]})]})
		contains(fault, "scopes must be a list of scopes")
		not _exempts({"scopes": [wrong]}, _denied, _request)
	}
}

test_entry_that_is_none if {
	count(_faults({"grants": [{}]})) == 4
	needs := "does not count: needs one of digests"
	_faults({"grandfathered": _duties}) == [sprintf("the exemption %s %s", [_grandfathered, needs])]
	every wrong in [null, 7, "legacy", [], false] {
		line := "does not count: must be an object"
		_faults({"grants": [wrong]}) == [sprintf("the exemption data.trust.exemptions.grants[0] %s", [line])]
		_faults({"grandfathered": wrong}) == [sprintf("the exemption %s %s", [_grandfathered, line])]
	}
}

test_nothing_is_exempt_if_the_settings_are_wrong if {
	grants := [_grant({"namespaces": ["legacy"]})]
	every c in [
		[{"longest_day": 1}, "data.trust.exemptions: unknown key longest_day; it has grandfathered, grants, longest_days"],
		[{"longest_days": "31"}, "data.trust.exemptions.longest_days must be a number of days above 0"],
		[{"longest_days": 0}, "data.trust.exemptions.longest_days must be a number of days above 0"],
		[{"longest_days": null}, "data.trust.exemptions.longest_days must be a number of days above 0"],
		[{"grants": {"a": grants[0]}}, "data.trust.exemptions.grants must be a list"],
	] {
		[change, fault] := c
		result := _applied(_denied, _request, object.union({"grants": grants}, change))
		result.allow == false
		result.reasons == ["no_signature: none", fault]
	}
	every wrong in [null, 7, "x", grants, false] {
		result := _applied(_denied, _request, wrong)
		result.allow == false
		result.reasons == ["no_signature: none", "data.trust.exemptions must be an object"]
	}
}
