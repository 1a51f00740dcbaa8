# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.exemption
import data.ratify.policy_settings
import data.trust

test_data_has_no_mistakes if {
	exemption.faults(trust.exemptions) == []
	every namespace in object.keys(trust.namespaces) {
		faults := policy_settings.faults({"image": "registry.example/app", "namespace": namespace}, trust.settings)
		print(namespace, faults) # regal ignore:print-or-trace-call
		faults == []
	}
}

# Images say by their tags who signed them.
_asked(namespace, signers) := _decided(namespace, signers, _namespaces)

_namespaces := {"team-a": {"policies": [{"name": "team-a", "scopes": [_scope], "trust": _tenant}]}}

_decided(namespace, signers, namespaces) := answer if {
	image := sprintf("registry.example/team-a/app:by-%s", [concat("-", signers)])
	answer := trust with input as {"image": image, "namespace": namespace, "key": image, "operation": "verify"}
		with trust.policies as [{"name": "platform", "scopes": ["registry.example"], "trust": "platform"}]
		with trust.documents as {"platform": {"cosign": "platform"}}
		with trust.namespaces as namespaces
		with ratify.verify as _verify
}

_allowed(namespace, signers) if _asked(namespace, signers).allow

test_floor_holds_everywhere if {
	every namespace in ["", "default", "team-a", "team-b"] {
		not _allowed(namespace, [])
		not _allowed(namespace, ["tenant"])
	}
}

test_tenant_adds_in_its_namespace_alone if {
	not _allowed("team-a", ["platform"])
	_allowed("team-a", ["platform", "tenant"])
	_allowed("team-b", ["platform"])
}

test_tenant_cannot_weaken if {
	every policy in [
		{"name": "all", "scopes": ["*"], "trust": _tenant},
		{"name": "warn", "scopes": [_scope], "trust": _tenant, "enforcement": "warn"},
		{"name": "any", "scopes": [_scope], "signers": ["platform", _tenant], "require": "any"},
	] {
		answer := _decided("team-b", ["tenant"], {"team-b": {"policies": [policy]}})
		answer.allow == false
		answer.reasons == [`policy "platform": no_signature: not signed`]
		answer.warnings == []
		answer.report.verdict == "rejected"
	}
}

_scope := "registry.example/team-a/app"

_tenant := {"notation": "the tenant's"}

_verify(request) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified", "signatures": [], "platforms": [],
	"errors": [{"code": "no_signature", "message": "not signed", "stage": "verify", "retryable": false}],
} if {
	signer := {true: "tenant", false: "platform"}["notation" in object.keys(request.trust)]
	verdict := {true: "verified", false: "rejected"}[contains(request.image, signer)]
}
