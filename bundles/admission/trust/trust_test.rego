# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.admission
import data.ratify.exemption
import data.ratify.images
import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	images.custom_faults(trust.image_fields) == []
	exemption.faults(trust.exemptions) == []
	every namespace in object.keys(object.union({"": {}}, trust.namespaces)) {
		faults := policy_settings.faults({"image": "registry.example/app", "namespace": namespace}, trust.settings)
		print(namespace, faults) # regal ignore:print-or-trace-call
		faults == []
	}
}

# What the rules make of it

_digest := sprintf("sha256:%s", [concat("", ["a" | some _ in numbers.range(1, 64)])])

# Images say by their names whether they are signed.
_verify(request) := {
	"image": request.image, "reference": sprintf("%s@%s", [parsed.name, _digest]), "digest": _digest, "media_type": "",
	"verdict": verdict, "verified": verdict == "verified", "signatures": [], "platforms": [],
	"errors": [e | verdict == "rejected"; e := {"code": "no_signature", "message": "none", "retryable": false}],
} if {
	parsed := ratify.reference.parse(request.image)
	verdict := {true: "verified", false: "rejected"}[startswith(parsed.repository, "signed/")]
}

_review(object_) := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"request": {"uid": "u-1", "operation": "CREATE", "namespace": "team-a", "object": object_},
}

_pod(containers, init) := {"apiVersion": "v1", "kind": "Pod", "spec": {
	"containers": [{"image": image} | some image in containers],
	"initContainers": [{"image": image} | some image in init],
}}

_policies := [{"name": "all", "scopes": ["registry.example"], "trust": {"cosign": {}}}]

_all(requests) := [_verify(request) | some request in requests]

_asked(object_, policies) := answer if {
	answer := admission with input as _review(object_)
		with ratify.verify as _verify
		with ratify.verify_all as _all
		with trust.policies as policies
}

test_signed_images_are_admitted_and_pinned if {
	answer := _asked(_pod(["registry.example/signed/a:v1"], ["registry.example/signed/b"]), _policies)
	answer.response.response.allowed == true
	json.unmarshal(base64.decode(answer.mutation.response.patch)) == [operation |
		some [list, name] in [["containers", "a"], ["initContainers", "b"]]
		operation := {
			"op": "replace",
			"path": sprintf("/spec/%s/0/image", [list]),
			"value": sprintf("registry.example/signed/%s@%s", [name, _digest]),
		}
	]
}

test_one_unsigned_image_denies if {
	answer := _asked(_pod(["registry.example/signed/a:v1", "registry.example/b"], []), _policies)
	answer.response.response.allowed == false
	message := answer.response.response.status.message
	message == `spec.containers[1].image: registry.example/b: policy "all": no_signature: none`
	answer.mutation.response == answer.response.response
}

test_policy_that_warns_warns_whoever_sent_it if {
	warn := [object.union(policy, {"enforcement": "warn"}) | some policy in _policies]
	answer := _asked(_pod(["registry.example/b"], []), warn).response.response
	answer.allowed == true
	answer.warnings == [`registry.example/b: policy "all": no_signature: none`]
}

test_custom_resources_count if {
	task := {"apiVersion": "tekton.dev/v1", "kind": "Task", "spec": {"steps": [{"image": "registry.example/b"}]}}
	_asked(task, _policies).response.response.allowed == false
}

test_nothing_is_admitted_without_data if {
	every wrong in [null, [], {}] {
		_asked(_pod(["registry.example/signed/a"], []), wrong).response.response.allowed == false
	}
}
