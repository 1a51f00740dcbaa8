# SPDX-License-Identifier: Apache-2.0

package ratify.admission_test

import data.ratify.admission

_digest := sprintf("sha256:%s", [concat("", ["a" | some _ in numbers.range(1, 64)])])

_app := "registry.example/app:v1"

_pinned := sprintf("registry.example/app@%s", [_digest])

_pod(images) := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "p"},
	"spec": {"containers": [{"image": image} | some image in images]},
}

_request := {
	"uid": "u-1",
	"operation": "CREATE",
	"namespace": "team-a",
	"object": _pod([_app]),
	"oldObject": null,
	"dryRun": false,
}

_review(change) := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"request": object.union(object.remove(_request, object.keys(change)), change),
}

_report := {
	"image": _app,
	"reference": _pinned,
	"digest": _digest,
	"verdict": "verified",
	"verified": true,
	"errors": [],
}

_admits := {"allow": true, "report": _report}

_denies := {"allow": false, "report": object.union(_report, {"verified": false}), "reasons": ["too old"]}

_respond(review, trust) := answer.response if {
	answer := admission.response with input as review with data.trust as trust
	answer.apiVersion == "admission.k8s.io/v1"
	answer.kind == "AdmissionReview"
}

_mutate(review, trust) := answer.response if {
	answer := admission.mutation with input as review with data.trust as trust
	answer.apiVersion == "admission.k8s.io/v1"
	answer.kind == "AdmissionReview"
}

# Validation

test_admitted if {
	answer := _respond(_review({}), _admits)
	object.keys(answer) == {"uid", "allowed", "warnings", "auditAnnotations"}
	answer.uid == "u-1"
	answer.allowed == true
	answer.warnings == []
	record := {"image": _app, "admitted": true, "digest": _digest, "verdict": "verified"}
	json.unmarshal(answer.auditAnnotations.images) == [record]
}

test_denied if {
	answer := _respond(_review({}), _denies)
	answer.uid == "u-1"
	answer.allowed == false
	answer.status == {
		"code": 403,
		"reason": "Forbidden",
		"message": "spec.containers[0].image: registry.example/app:v1: too old",
	}
	json.unmarshal(answer.auditAnnotations.images)[0].admitted == false
}

test_every_place_of_an_image_is_named if {
	answer := _respond(_review({"object": _pod([_app, "nginx", _app])}), _denies)
	answer.status.message == concat("\n", [
		"spec.containers[1].image: nginx: too old",
		"spec.containers[0].image, spec.containers[2].image: registry.example/app:v1: too old",
	])
}

test_updates_and_connections_are_decided_as_creations if {
	_respond(_review({"operation": "UPDATE", "oldObject": _pod([_app])}), _denies).allowed == false
	every operation in ["CREATE", "UPDATE", "CONNECT"] {
		_respond(_review({"operation": operation}), _admits).allowed == true
		_respond(_review({"operation": operation}), _denies).allowed == false
	}
}

test_question_is_that_of_gatekeeper if {
	wanted := {"key": "[team-a]registry.example/app:v1", "image": _app, "namespace": "team-a", "operation": "verify"}
	admission._decided.admitted == true with input as wanted with data.trust as _admits
	admission._question(_app) == wanted with input as _review({})
	without := {"key": _app, "image": _app, "namespace": "", "operation": "verify"}
	admission._question(_app) == without with input as _review({"namespace": ""})
}

test_dry_run_is_answered_alike if {
	every trust in [_admits, _denies] {
		_respond(_review({"dryRun": true}), trust) == _respond(_review({}), trust)
		_mutate(_review({"dryRun": true}), trust) == _mutate(_review({}), trust)
	}
}

test_object_without_images_is_allowed if {
	_respond(_review({"operation": "CONNECT", "object": null}), {}).allowed == true
	every object_ in [
		{"apiVersion": "v1", "kind": "ConfigMap", "data": {"image": "nginx"}},
		{"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 3}},
		{"apiVersion": "v1", "kind": "PodExecOptions", "container": "app", "command": ["sh"]},
	] {
		answer := _respond(_review({"object": object_, "subResource": "x"}), {})
		object.keys(answer) == {"uid", "allowed", "warnings"}
		answer.allowed == true
	}
}

test_deletion_is_allowed if {
	_respond(_review({"operation": "DELETE", "object": null}), {"image_fields": 7}).allowed == true
	every object_ in [null, _pod([_app])] {
		_respond(_review({"operation": "DELETE", "object": object_, "oldObject": _pod([_app])}), {}).allowed == true
	}
}

# Updates that bring nothing new

_leaving(images) := object.union(_pod(images), {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})

test_object_that_is_being_deleted_can_go if {
	same := {"operation": "UPDATE", "object": _leaving([_app]), "oldObject": _leaving([_app])}
	_respond(_review(same), _denies).allowed == true
	less := {"operation": "UPDATE", "object": _leaving([_app]), "oldObject": _leaving([_app, "nginx"])}
	_respond(_review(less), _denies).allowed == true
}

test_object_that_is_being_deleted_brings_no_image if {
	_respond(_review({"object": _leaving([_app]), "oldObject": _leaving([_app])}), _denies).allowed == false
	every old in [_pod([_app]), _leaving(["nginx"]), _leaving([]), {}, null] {
		update := {"operation": "UPDATE", "object": _leaving([_app]), "oldObject": old}
		_respond(_review(update), _denies).allowed == false
	}
	moved := {"operation": "UPDATE", "object": _leaving(["nginx", _app]), "oldObject": _leaving([_app, "nginx"])}
	_respond(_review(moved), _denies).allowed == false
}

test_status_with_the_images_there_were_is_allowed if {
	update := {"operation": "UPDATE", "subResource": "status", "oldObject": _pod([_app])}
	_respond(_review(update), _denies).allowed == true
	_respond(_review(object.union(update, {"oldObject": _pod(["nginx"])})), _denies).allowed == false
	_respond(_review(object.union(update, {"operation": "CREATE"})), _denies).allowed == false
}

test_ephemeral_container_is_decided_upon if {
	debugged := object.union(_pod([_app]), {"spec": {"ephemeralContainers": [{"image": "debug:1"}]}})
	update := {"operation": "UPDATE", "subResource": "ephemeralcontainers", "object": debugged, "oldObject": _pod([_app])}
	answer := _respond(_review(update), _denies)
	answer.allowed == false
	contains(answer.status.message, "spec.ephemeralContainers[0].image: debug:1: too old")
	_respond(_review(update), _admits).allowed == true
}

# Nothing undefined is consent

test_denied_without_a_policy if {
	every trust in [{}, {"reasons": ["x"]}, {"policies": []}] {
		answer := _respond(_review({}), trust)
		answer.allowed == false
		contains(answer.status.message, "no trust policy is loaded")
	}
}

test_only_true_admits if {
	every allow in ["true", 1, null, [], {"allow": true}] {
		_respond(_review({}), {"allow": allow, "report": _report}).allowed == false
	}
}

test_denied_when_undecided if {
	errors := [{"code": "timeout", "message": "why", "stage": "resolve", "retryable": true}]
	report := object.union(_report, {"verified": false, "verdict": "inconclusive", "errors": errors})
	answer := _respond(_review({}), {"allow": false, "report": report})
	answer.allowed == false
	answer.status.message == "spec.containers[0].image: registry.example/app:v1: timeout at resolve: why"
}

test_denied_when_the_answer_has_no_decision if {
	every item in [{}, {"key": "k"}, {"key": "k", "error": "x"}, {"key": "k", "value": {"succeeded": true}}] {
		answer := admission.response with input as _review({})
			with data.trust as _admits
			with data.ratify.gatekeeper.item as item
		answer.response.allowed == false
		contains(answer.response.status.message, "internal: ")
	}
}

test_denied_when_an_answer_cannot_be_made if {
	answer := admission.response with input as _review({}) with data.trust as _denies with admission._lines as 7
	answer.response.allowed == false
	answer.response.uid == "u-1"
	answer.response.status.message == "internal: no decision about the object"
}

test_image_that_is_no_string_is_denied if {
	every value in [null, 7, {"name": _app}, [_app], ""] {
		answer := _respond(_review({"object": _pod([_app, value])}), _admits)
		answer.allowed == false
		answer.status.message == "spec.containers[1].image: : the image is empty, or not a string"
	}
}

test_what_is_no_review_is_denied if {
	every wrong in [null, 7, "x", [], {}, {"request": _request}, _beta] {
		answer := _respond(wrong, _admits)
		answer.allowed == false
		answer.status.code == 400
		contains(answer.status.message, "the body is not an AdmissionReview of admission.k8s.io/v1")
		_mutate(wrong, _admits) == answer
	}
}

_beta := object.union(_review({}), {"apiVersion": "admission.k8s.io/v1beta1"})

test_malformed_request_is_denied_with_its_uid if {
	empty := {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
	count(split(_respond(empty, _admits).status.message, "\n")) == 3
	every c in [
		[{"operation": "PATCH"}, "request.operation is not CREATE, UPDATE, DELETE or CONNECT"],
		[{"operation": null}, "request.operation is not CREATE, UPDATE, DELETE or CONNECT"],
		[{"object": null}, "request.object is not an object"],
		[{"object": []}, "request.object is not an object"],
		[{"operation": "DELETE", "object": "x"}, "request.object is not an object"],
		[{"namespace": 7}, "request.namespace is not a string"],
	] {
		[change, message] := c
		answer := _respond(_review(change), _admits)
		answer == {
			"uid": "u-1", "allowed": false, "warnings": [],
			"status": {"code": 400, "reason": "BadRequest", "message": message},
		}
	}
	every uid in [null, 7, ""] {
		answer := _respond(_review({"uid": uid}), _admits)
		answer.uid == ""
		answer.status.message == "request.uid is missing, or not a string"
	}
}

# What the policy says besides

test_warnings_are_passed_on if {
	trust := object.union(_admits, {"warnings": {"a\nb\u0085", {"c": 1}}})
	answer := _respond(_review({}), trust)
	answer.allowed == true
	answer.warnings == ["registry.example/app:v1: a b ", `registry.example/app:v1: {"c":1}`]
	denied := _respond(_review({}), object.union(_denies, {"warnings": ["w"]}))
	denied.warnings == ["registry.example/app:v1: w"]
}

test_trials_go_into_the_audit_log if {
	answer := _respond(_review({}), object.union(_admits, {"dryrun": ["a", "b"]}))
	answer.warnings == []
	answer.auditAnnotations.dryrun == "registry.example/app:v1: a\nregistry.example/app:v1: b"
}

test_lines_are_bounded if {
	lines := [sprintf("%d", [i]) | some i in numbers.range(1, 25)]
	warnings := _respond(_review({}), object.union(_admits, {"warnings": lines})).warnings
	count(warnings) == 20
	warnings[18] == "registry.example/app:v1: 19"
	warnings[19] == "… and 6 more"
}

test_custom_resources_by_their_fields if {
	task := {"apiVersion": "tekton.dev/v1", "kind": "Task", "spec": {"steps": [{"image": _app}]}}
	fields := {"image_fields": {"Task.tekton.dev": ["spec.steps[*].image"]}}
	_respond(_review({"object": task}), object.union(_admits, fields)).allowed == true
	answer := _respond(_review({"object": task}), object.union(_denies, fields))
	answer.status.message == "spec.steps[0].image: registry.example/app:v1: too old"
}

test_fields_with_a_mistake_deny if {
	every wrong in [null, 7, false, {"Task.tekton.dev": "spec.image"}, {"Task.tekton.dev": [""]}] {
		answer := _respond(_review({}), object.union(_admits, {"image_fields": wrong}))
		answer.allowed == false
		answer.status.code == 500
		startswith(answer.status.message, "data.trust.image_fields: ")
		update := {"operation": "UPDATE", "subResource": "status", "oldObject": _pod([_app])}
		_respond(_review(update), object.union(_admits, {"image_fields": wrong})).allowed == false
	}
}

test_requests_are_made_at_once if {
	trust := object.union(_admits, {"requests": ["a", {"image": "b", "trust": {}}]})
	review := _review({"object": _pod([_app, "nginx", ""])})
	admission._requests == array.concat(trust.requests, trust.requests) with input as review with data.trust as trust
	count(admission._prefetched) == 4 with input as review with data.trust as trust with ratify.verify_all as _found
	answer := admission.response with input as review with data.trust as trust with ratify.verify_all as []
	answer.response.allowed == false
}

_found(requests) := [{} | some _ in requests]

test_one_request_is_left_to_the_policy if {
	trust := object.union(_admits, {"requests": ["a"]})
	count(admission._prefetched) == 0 with input as _review({}) with data.trust as trust
}

# Mutation

_operations(answer) := json.unmarshal(base64.decode(answer.patch)) if answer.patchType == "JSONPatch"

test_tags_become_the_digest_that_was_verified if {
	object_ := {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": _pod([_app, "nginx", _app])}}
	answer := _mutate(_review({"object": object_}), _admits)
	answer.allowed == true
	_operations(answer) == [
		{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": _pinned},
		{"op": "replace", "path": "/spec/template/spec/containers/2/image", "value": _pinned},
	]
	answer.warnings == ["spec.template.spec.containers[1].image: nginx keeps its tag: its digest is not known"]
}

test_patch_makes_the_object_that_is_admitted if {
	patched := json.patch(_pod([_app]), _operations(_mutate(_review({}), _admits)))
	patched == _pod([_pinned])
	answer := _mutate(_review({"object": patched}), _admits)
	answer.allowed == true
	object.keys(answer) & {"patch", "patchType"} == set()
}

test_digest_is_left_as_it_is_written if {
	every image in [_pinned, sprintf("%s@%s", [_app, _digest])] {
		answer := _mutate(_review({"object": _pod([image])}), _admits)
		answer.allowed == true
		answer.warnings == []
		object.keys(answer) & {"patch", "patchType"} == set()
	}
}

test_nothing_is_patched_that_is_denied if _mutate(_review({}), _denies) == _respond(_review({}), _denies)

test_only_a_digest_of_the_same_repository_is_put_in if {
	other := sprintf("sha256:%s", [concat("", ["b" | some _ in numbers.range(1, 64)])])
	every change in [
		{"reference": "", "digest": ""},
		{"reference": _app, "digest": _digest},
		{"reference": _pinned, "digest": other},
		{"reference": sprintf("evil.example/app@%s", [_digest])},
		{"reference": sprintf("registry.example/other@%s", [_digest])},
		{"reference": 7},
	] {
		answer := _mutate(_review({}), {"allow": true, "report": object.union(_report, change)})
		answer.allowed == true
		answer.warnings == ["spec.containers[0].image: registry.example/app:v1 keeps its tag: its digest is not known"]
		object.keys(answer) & {"patch", "patchType"} == set()
	}
}

test_update_leaves_images_alone_that_it_does_not_change if {
	update := {"operation": "UPDATE", "oldObject": _pod([_app]), "object": _pod([_app, _app])}
	[operation.path | some operation in _operations(_mutate(_review(update), _admits))] == ["/spec/containers/1/image"]
	same := _mutate(_review({"operation": "UPDATE", "oldObject": _pod([_app])}), _admits)
	same.allowed == true
	object.keys(same) & {"patch", "patchType"} == set()
	same.warnings == []
}

test_what_is_allowed_unasked_is_not_patched if {
	deletion := _review({"operation": "DELETE"})
	_mutate(deletion, _admits) == _respond(deletion, _admits)
}
