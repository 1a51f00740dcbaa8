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
	_decide([_policy("verified", ["*"])], "") == {"allow": true, "report": _report("verified"), "reasons": []}
	_decide([_policy("rejected", ["*"])], "") == {
		"allow": false, "report": _report("rejected"),
		"reasons": [`policy "rejected": no_signature: none`],
	}
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
	decision.report.verdict == "rejected"
	[e.code | some e in decision.report.errors] == [code | some _ in decision.reasons]
	[e.message | some e in decision.report.errors; e.retryable] == []
}

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

test_what_is_no_request_is_denied if {
	decision := policy.decision("registry.example/app", {"policies": [_policy("all", ["*"])]})
	decision.allow == false
}
