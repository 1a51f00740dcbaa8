# SPDX-License-Identifier: Apache-2.0

package ratify.policy_test

import data.ratify.policy

_trust(name) := {"notation": name}

_policy(name, scopes) := {"name": name, "scopes": scopes, "trust": _trust(name)}

_names(scopes, image) := [p.name | some p in policy.statements([_policy(s, [s]) | some s in scopes], image)]

# Scopes

test_most_specific_scope_counts if {
	scopes := [
		"*", "*.example", "registry.example", "registry.example/team", "registry.example/team/**",
		"registry.example/team/*", "registry.example/team/app", "other.example/team/app",
	]
	cases := {
		"other.org/a": "*",
		"other.example/x": "*.example",
		"registry.example/x": "registry.example",
		"registry.example/team": "registry.example/team",
		"registry.example/team/a/b": "registry.example/team/**",
		"registry.example/team/b:v1": "registry.example/team/*",
		"registry.example/team/app:v1": "registry.example/team/app",
		"registry.example/team/app/part": "registry.example/team/app",
	}
	every image, scope in cases {
		_names(scopes, image) == [scope]
	}
}

test_registry_comes_before_path if {
	_names(["*.example/team/app", "registry.example"], "registry.example/team/app") == ["registry.example"]
}

test_equally_specific_policies_all_count if {
	_names(["registry.example/*/app", "registry.example/team/*"], "registry.example/team/app") == [
		"registry.example/*/app",
		"registry.example/team/*",
	]
	list := [_policy("b", ["registry.example"]), _policy("a", ["registry.example", "*"])]
	[p.name | some p in policy.statements(list, "registry.example/x")] == ["b", "a"]
	[p.name | some p in policy.statements(list, "other.example/x")] == ["a"]
}

test_spelling_of_the_host_does_not_matter if {
	_names(["Registry.Example:443/team"], "registry.example/team/app") == ["Registry.Example:443/team"]
	_names(["docker.io/library"], "nginx") == ["docker.io/library"]
}

test_look_alikes_do_not_match if {
	every image in [
		"registry.example.evil.org/team/app", "registry.example/team-evil/app", "evil.org/registry.example/team/app",
		"evil.org/x.registry.example/team/app", "registry.example:5000/team/app", "registryXexample/team/app",
	] {
		_names(["registry.example/team", "*.registry.example/team"], image) == []
	}
}

test_no_policy_counts_for_what_is_no_reference if {
	_names(["*"], "registry.example/UPPER") == []
	policy.statements([], "nginx") == []
}

# Decisions

_image := "registry.example/team/app:v1"

_report(verdict) := {
	"image": _image, "reference": "registry.example/team/app@sha256:1", "digest": "sha256:1", "media_type": "m",
	"verdict": verdict, "verified": verdict == "verified", "platforms": [],
	"signatures": [], "errors": [{"code": "no_signature", "message": "none", "stage": "verify", "retryable": false}],
}

# The trust document says what the answer is.
_verify(request) := _report(request.trust.notation)

_strict := {"strict": {"policies": [_policy("rejected", ["registry.example/team"])]}}

_decide(policies, namespace) := decision if {
	request := {"image": _image, "namespace": namespace}
	decision := policy.decision(request, {"policies": policies, "namespaces": _strict}) with ratify.verify as _verify
}

test_one_policy_gives_its_report if {
	silent := {"warnings": [], "dryrun": [], "exemption": {}}
	verified := {"allow": true, "report": _report("verified"), "reasons": []}
	_decide([_policy("verified", ["*"])], "") == object.union(verified, silent)
	rejected := {"allow": false, "report": _report("rejected"), "reasons": [`policy "rejected": no_signature: none`]}
	_decide([_policy("rejected", ["*"])], "") == object.union(rejected, silent)
}

test_more_specific_policy_replaces if {
	_decide([_policy("verified", ["*"]), _policy("rejected", ["registry.example"])], "").allow == false
	_decide([_policy("rejected", ["*"]), _policy("verified", ["registry.example"])], "").allow == true
}

test_equally_specific_policies_must_all_hold if {
	decision := _decide([_policy("verified", ["*"]), _policy("rejected", ["*"])], "")
	decision.allow == false
	decision.report.verdict == "rejected"
	decision.report.verified == false
	decision.reasons == [`policy "rejected": no_signature: none`]
}

test_namespace_adds_demands if {
	_decide([_policy("verified", ["*"])], "strict").allow == false
	_decide([_policy("verified", ["*"])], "other").allow == true
}

test_namespace_cannot_replace_the_cluster if {
	lax := {"ns": {"policies": [_policy("verified", ["registry.example/team/app"])]}}
	every cluster in [[], [_policy("rejected", ["*"])], [_policy("verified", ["other.example"])]] {
		settings := {"policies": cluster, "namespaces": lax}
		decision := policy.decision({"image": _image, "namespace": "ns"}, settings) with ratify.verify as _verify
		decision.allow == false
	}
}

test_namespace_may_be_missing if {
	policy.decision({"image": _image}, {"policies": [_policy("verified", ["*"])]}).allow with ratify.verify as _verify
}

_refused(request, settings, code) := decision.reasons if {
	decision := policy.decision(request, settings) with ratify.verify as _report("verified")
	decision.allow == false
	decision.report.verified == false
	decision.report.verdict == _verdict_for(code)
	decision.report.stale == []
	[e.code | some e in decision.report.errors] == [code | some _ in decision.reasons]
	[e.message | some e in decision.report.errors; e.retryable] == []
}

default _verdict_for(_) := "rejected"

_verdict_for("invalid_reference") := "inconclusive"

test_no_policies_at_all if {
	_refused({"image": "nginx"}, {"policies": []}, "no_trust_policy") == [concat("", [
		"no_trust_policy: data.trust.policies is empty: ",
		"no signer of nginx is trusted; add a policy to it",
	])]
}

test_no_scope_covers_the_image if {
	settings := {"policies": [
		_policy("acme", ["registry.example/a", "registry.example/b"]),
		_policy("other", ["other.example"]),
	]}
	_refused({"image": "nginx"}, settings, "no_trust_policy") == [concat("", [
		"no_trust_policy: no scope in data.trust.policies covers docker.io/library/nginx: there are ",
		"registry.example/a (acme), registry.example/b (acme), other.example (other); add a policy or a scope",
	])]
}

test_image_that_is_no_reference if {
	every image in ["", "UPPER/case", "a b", "nginx@sha256:1"] {
		[reason] := _refused({"image": image}, {"policies": [_policy("acme", ["*"])]}, "invalid_reference")
		startswith(reason, "invalid_reference: ")
	}
}

test_mistakes_in_the_settings_deny if {
	every settings in [{}, {"policies": null}, {"policies": [{}]}, {"policies": [], "documents": []}] {
		count(_refused({"image": "nginx"}, settings, "no_trust_policy")) > 0
	}
	every request in [{}, {"image": 7}, {"image": "nginx", "namespace": null}] {
		count(_refused(request, {"policies": [_policy("acme", ["*"])]}, "no_trust_policy")) > 0
	}
}

# Enforcement

_softly(enforcement, verdict) := object.union(_policy(verdict, ["*"]), {"enforcement": enforcement})

test_policy_that_warns if {
	decision := _decide([_softly("warn", "rejected")], "")
	decision.allow == true
	decision.reasons == []
	decision.report == _report("rejected")
	decision.warnings == [`policy "rejected": no_signature: none`]
	decision.dryrun == []
}

test_policy_on_trial if {
	decision := _decide([_softly("dryrun", "inconclusive")], "")
	decision.allow == true
	decision.reasons == []
	decision.warnings == []
	decision.dryrun == [`policy "inconclusive": no_signature: none`]
}

test_policy_that_warns_beside_one_that_denies if {
	passed := _decide([_softly("deny", "verified"), _softly("warn", "rejected")], "")
	passed.allow == true
	passed.report == _report("verified")
	passed.warnings == [`policy "rejected": no_signature: none`]
	failed := _decide([_softly("warn", "rejected"), _softly("deny", "inconclusive")], "")
	failed.allow == false
	failed.reasons == [`policy "inconclusive": no_signature: none`]
	failed.warnings == [`policy "rejected": no_signature: none`]
}

test_policy_with_an_unknown_enforcement_denies if {
	decision := _decide([_softly("audit", "verified")], "")
	decision.allow == false
	decision.reasons == ["no_trust_policy: data.trust.policies[0]: enforcement is deny, warn or dryrun"]
}

# All combinations are tried by TestTenantsAddAndNeverWeaken, in Go for their number.
test_namespace_that_warns_does_not_soften_the_cluster if {
	lax := {"ns": {"policies": [_softly("warn", "verified"), _softly("dryrun", "rejected")]}}
	settings := {"policies": [_softly("deny", "rejected")], "namespaces": lax}
	decision := policy.decision({"image": _image, "namespace": "ns"}, settings) with ratify.verify as _verify
	decision.allow == false
	decision.warnings == []
	decision.dryrun == [`policy "rejected": no_signature: none`]
}

# Exemptions

_exempt := {"grants": [{
	"scopes": ["registry.example/team"],
	"owner": "team",
	"ticket": "T-1",
	"expires": "2100-01-01T00:00:00Z",
}]}

_decide_exempt(image, policies) := decision if {
	settings := {"policies": policies, "exemptions": _exempt}
	decision := policy.decision({"image": image, "namespace": ""}, settings) with ratify.verify as _verify
}

test_exempt_image_is_allowed_and_says_so if {
	decision := _decide_exempt(_image, [_policy("rejected", ["*"])])
	decision.allow == true
	decision.exemption.ticket == "T-1"
	decision.report == _report("rejected")
	count(decision.reasons) == 2
	decision.warnings == decision.reasons
}

test_exempt_image_needs_no_policy if _decide_exempt(_image, []).exemption.ticket == "T-1"

test_verified_image_needs_no_exemption if {
	decision := _decide_exempt(_image, [_policy("verified", ["*"])])
	decision.exemption == {}
	decision.reasons == []
	decision.warnings == []
}

test_exemption_does_not_help_against_mistakes if {
	_decide_exempt(_image, [{}]).allow == false
	_decide_exempt("registry.example/team/UPPER", [_policy("verified", ["*"])]).allow == false
	_decide_exempt("other.example/app", [_policy("rejected", ["*"])]).allow == false
}

test_namespace_cannot_exempt if {
	section := {"policies": [], "exemptions": _exempt}
	settings := {"policies": [_policy("rejected", ["*"])], "namespaces": {"ns": section}}
	decision := policy.decision({"image": _image, "namespace": "ns"}, settings) with ratify.verify as _verify
	decision.allow == false
	decision.reasons == ["no_trust_policy: data.trust.namespaces.ns must be an object with the one key policies"]
}

# Requests

test_requests_are_those_of_the_decision if {
	two := {"name": "two", "scopes": ["*"], "signers": [_trust("a"), _trust("b")]}
	settings := {"policies": [_policy("c", ["*"]), two], "namespaces": _strict}
	asked := policy.requests({"image": _image, "namespace": "strict"}, settings)
	asked == [{"image": _image, "trust": _trust(t)} | some t in ["c", "a", "b", "rejected"]]
}

test_nothing_is_requested_where_nothing_is_asked if {
	policy.requests({"image": _image}, {"policies": [{}]}) == []
	policy.requests({"image": _image}, {"policies": []}) == []
	policy.requests({"image": "UPPER"}, {"policies": [_policy("c", ["*"])]}) == []
	policy.requests({"image": 7}, {"policies": [_policy("c", ["*"])]}) == []
}

test_what_is_no_request_is_denied if {
	decision := policy.decision("registry.example/app", {"policies": [_policy("all", ["*"])]})
	decision.allow == false
}
