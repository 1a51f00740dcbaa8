# SPDX-License-Identifier: Apache-2.0

package ratify.images_test

import data.ratify.images

_pod := {
	"initContainers": [{"image": "init:1"}],
	"containers": [{"name": "app", "image": "app:1"}, {"image": "side:1"}],
	"ephemeralContainers": [{"image": "debug:1"}],
	"volumes": [{"emptyDir": {}}, {"image": {"reference": "model:1", "pullPolicy": "Always"}}],
}

_use(image, path) := {"image": image, "path": path, "pointer": pointer} if {
	pointer := sprintf("/%s", [replace(replace(replace(path, "]", ""), "[", "/"), ".", "/")])
}

_found(prefix) := {
	_use("init:1", concat("", [prefix, "initContainers[0].image"])),
	_use("app:1", concat("", [prefix, "containers[0].image"])),
	_use("side:1", concat("", [prefix, "containers[1].image"])),
	_use("debug:1", concat("", [prefix, "ephemeralContainers[0].image"])),
	_use("model:1", concat("", [prefix, "volumes[1].image.reference"])),
}

test_pod if images.uses({"apiVersion": "v1", "kind": "Pod", "spec": _pod}) == _found("spec.")

test_every_kind_of_workload if {
	every kind in [
		"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController",
		"Job", "Rollout", "no kind at all",
	] {
		images.uses({"kind": kind, "spec": {"template": {"spec": _pod}}}) == _found("spec.template.spec.")
	}
}

test_cron_job if {
	object_ := {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": _pod}}}}}
	images.uses(object_) == _found("spec.jobTemplate.spec.template.spec.")
}

test_pod_template if images.uses({"kind": "PodTemplate", "template": {"spec": _pod}}) == _found("template.spec.")

test_zero_replicas_count if {
	deployment := {"kind": "Deployment", "spec": {"replicas": 0, "template": {"spec": _pod}}}
	images.uses(deployment) == _found("spec.template.spec.")
}

test_list if {
	pods := {"kind": "List", "items": [{"kind": "Pod", "spec": {}}, {"kind": "Pod", "spec": _pod}]}
	images.uses(pods) == _found("items[1].spec.")
	images.uses({"kind": "List", "items": [pods]}) == _found("items[0].items[1].spec.")
}

test_ephemeral_containers_of_their_own if {
	debugged := {"kind": "EphemeralContainers", "ephemeralContainers": [{"image": "debug:1"}]}
	images.uses(debugged) == {_use("debug:1", "ephemeralContainers[0].image")}
}

test_pointer_escapes if {
	template := {"spec": {"a/b~c": {"containers": [{"image": "app:1"}]}}}
	{use.pointer | some use in images.uses(template)} == {"/spec/a~1b~0c/containers/0/image"}
}

test_review_looks_at_the_new_object_only if {
	review := {"kind": "AdmissionReview", "request": {
		"operation": "UPDATE",
		"oldObject": {"spec": {"containers": [{"image": "old:1"}]}},
		"object": {"spec": _pod},
	}}
	images.uses(review) == _found("spec.")
}

test_deletion_has_no_images if {
	every request in [{"object": null, "oldObject": {"spec": _pod}}, {"oldObject": {"spec": _pod}}] {
		images.uses({"kind": "AdmissionReview", "request": request}) == set()
	}
}

test_object_being_deleted_still_counts if {
	images.uses({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": _pod}) == _found("spec.")
}

test_status_and_annotations_name_no_images if {
	images.uses({
		"metadata": {"annotations": {"image": "a:1"}},
		"status": {"containerStatuses": [{"image": "b:1"}]},
		"spec": {"containers": [{"env": [{"name": "image", "value": "c:1"}]}]},
	}) == set()
}

test_image_that_is_no_string_is_kept_as_unverifiable if {
	every value in [null, 7, true, {"a": 1}, [], ["app:1"]] {
		images.uses({"spec": {"containers": [{"image": value}]}}) == {_use("", "spec.containers[0].image")}
	}
}

test_no_object_has_no_images if {
	shapeless := {"spec": {"containers": "app:1", "volumes": {"image": {"reference": "x"}}}}
	every value in [null, 7, "app:1", [], {}, shapeless] {
		images.uses(value) == set()
	}
}

test_references_of_input if {
	images.references == {"init:1", "app:1", "side:1", "debug:1", "model:1"} with input as {"spec": _pod}
}

# Custom resources

_task := {"apiVersion": "tekton.dev/v1", "kind": "Task", "spec": {
	"steps": [{"image": "build:1"}, {"name": "none"}, {"image": "test:1"}],
	"caches": {"a": {"image": "cache:1"}},
	"a.b": "dotted:1",
}}

_fields := {"Task.tekton.dev": ["spec.steps[*].image", "spec.caches.*.image", ["spec", "a.b"]]}

_custom(prefix) := {
	_use("build:1", concat("", [prefix, "spec.steps[0].image"])),
	_use("test:1", concat("", [prefix, "spec.steps[2].image"])),
	_use("cache:1", concat("", [prefix, "spec.caches.a.image"])),
	_use_dotted(prefix),
}

_use_dotted(prefix) := {
	"image": "dotted:1",
	"path": concat("", [prefix, "spec.a.b"]),
	"pointer": concat("", [_slashed(prefix), "/spec/a.b"]),
}

_slashed("") := ""

_slashed("items[0].") := "/items/0"

test_custom_kind_by_its_fields if {
	images.custom_uses(_task, _fields) == _custom("")
	images.custom_uses({"kind": "List", "apiVersion": "v1", "items": [_task]}, _fields) == _custom("items[0].")
	review := {"kind": "AdmissionReview", "request": {"object": _task, "oldObject": {"spec": {}}}}
	images.custom_uses(review, _fields) == _custom("")
	images.uses(_task) == set()
}

test_step_may_be_an_index if {
	images.custom_uses(_task, {"Task.tekton.dev": ["spec.steps[2].image"]}) == {_use("test:1", "spec.steps[2].image")}
}

test_custom_field_that_is_no_string_is_kept_as_unverifiable if {
	images.custom_uses(_task, {"Task.tekton.dev": ["spec.steps[0]"]}) == {_use("", "spec.steps[0]")}
}

test_fields_count_for_their_kind_only if {
	every kind in ["Task", "Task.tekton.dev.evil", "Task.v1", "task.tekton.dev", "Pod"] {
		images.custom_uses(_task, {kind: ["spec.steps[*].image"]}) == set()
	}
	every object_ in [{"kind": "Task"}, {"apiVersion": 7, "kind": "Task"}, {"apiVersion": "v1", "kind": 7}] {
		images.custom_uses(object.union(_task, object_), {"Pipeline.tekton.dev": ["spec.steps[*].image"]}) == set()
	}
	core := {"apiVersion": "v1", "kind": "Thing", "image": "a:1"}
	images.custom_uses(core, {"Thing": ["image"]}) == {_use("a:1", "image")}
}

test_fields_without_mistakes if {
	images.custom_faults({}) == []
	images.custom_faults(_fields) == []
	images.custom_faults({"Thing": [["*"], "a", "a[0][*].*.b-c", `spec.x/y`]}) == []
}

test_fields_with_mistakes if {
	fault := `Thing[0]: must be a field such as "spec.steps[*].image", or an array of its steps`
	every wrong in [
		"", ".a", "a.", "a..b", "[0]", "*", "a[x]", "a[]", "a]b", "a[0", "a.b*",
		[], [7], ["a", null], {}, null, 7,
	] {
		images.custom_faults({"Thing": [wrong]}) == [fault]
		images.custom_uses({"apiVersion": "v1", "kind": "Thing", "a": "x"}, {"Thing": [wrong]}) == set()
	}
	every wrong in [null, "a", {"a": "b"}, 7] {
		images.custom_faults({"Thing": wrong}) == ["Thing: must be a list of fields"]
		images.custom_faults([wrong]) == ["the fields by kind must be an object"]
	}
}
