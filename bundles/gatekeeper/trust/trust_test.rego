# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.exemption
import data.ratify.gatekeeper
import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	exemption.faults(trust.exemptions) == []
	every namespace in object.keys(object.union({"": {}}, trust.namespaces)) {
		faults := policy_settings.faults({"image": "registry.example/app", "namespace": namespace}, trust.settings)
		print(namespace, faults) # regal ignore:print-or-trace-call
		faults == []
	}
}

test_documents_are_looked_for_with_a_trust_document if {
	every rule in [trust.sbom, trust.vulnerability] {
		rule == object.filter(rule, ["trust", "settings"])
		every key in object.keys(rule) { trust.documents[rule.trust]; key in {"trust", "settings"}}
	}
}

# What the rules make of it

# Images say by their names whether they are signed.
_verify(request) := {
	"image": request.image, "reference": request.image, "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified", "signatures": [], "platforms": [],
	"errors": [{"code": "no_signature", "message": "none", "retryable": false} | verdict == "rejected"],
} if {
	verdict := {true: "verified", false: "rejected"}[startswith(request.image, "registry.example/signed/")]
}

# Bills say by the name of the package whether they are good.
_artifacts(request) := {"reference": request.image, "digest": "sha256:1", "errors": [], "artifacts": [bill |
	request.artifact_type == "application/spdx+json"
	request.trust == {"cosign": {}}
	some name in _bills[request.image]
	bill := {
		"digest": name, "artifact_type": "application/spdx+json", "verified": true, "annotations": {}, "signatures": [],
		"errors": [], "contents": [{"media_type": "application/spdx+json", "digest": "d", "text": "", "json": {
			"spdxVersion": "SPDX-2.3",
			"packages": [{"name": name, "SPDXID": "SPDXRef-1", "versionInfo": "1"}],
		}}],
	}
]}

_bills := {
	"registry.example/signed/good": ["fine"],
	"registry.example/signed/bad": ["fine", "leftpad"],
	"registry.example/good": ["fine"],
}

_value(image) := value if {
	value := gatekeeper.item.value with input as {"image": image, "key": image, "namespace": "", "operation": "verify"}
		with trust.policies as [{"name": "all", "scopes": ["registry.example"], "trust": "acme"}]
		with trust.documents as {"acme": {"cosign": {}}}
		with trust.sbom as {"trust": "acme", "settings": {"denied_packages": [{"name": "leftpad"}]}}
		with ratify.verify as _verify
		with ratify.artifacts as _artifacts
}

_succeeded(image, type) := {entry.isSuccess | some entry in _value(image).verifierReports; entry.type == type}

test_signed_images_are_admitted if {
	_value("registry.example/signed/good").succeeded == true
	_value("registry.example/signed/none").succeeded == true
	_value("registry.example/good").succeeded == false
}

test_what_an_sbom_says_is_reported_beside_the_decision if {
	_succeeded("registry.example/signed/good", "sbom") == {true}
	_succeeded("registry.example/signed/bad", "sbom") == {false}
	_succeeded("registry.example/signed/none", "sbom") == {false}
	_succeeded("registry.example/good", "sbom") == {false}
}

test_nothing_is_reported_of_what_is_not_looked_for if {
	_succeeded("registry.example/signed/good", "vulnerabilityreport") == set()
}

test_nothing_is_admitted_without_data if {
	every wrong in [null, [], {}] {
		answer := trust.allow with input as {"image": "registry.example/signed/good"} with trust.policies as wrong
		answer == false
	}
}
