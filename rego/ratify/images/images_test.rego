# SPDX-License-Identifier: Apache-2.0

package ratify.images_test

import data.ratify.images

_pod := {
	"initContainers": [{"image": "init:1"}],
	"containers": [{"name": "app", "image": "app:1"}, {"image": "side:1"}],
	"ephemeralContainers": [{"image": "debug:1"}],
	"volumes": [{"emptyDir": {}}, {"image": {"reference": "model:1", "pullPolicy": "Always"}}],
}

_found(prefix) := {
	{"image": "init:1", "path": concat("", [prefix, "initContainers[0].image"])},
	{"image": "app:1", "path": concat("", [prefix, "containers[0].image"])},
	{"image": "side:1", "path": concat("", [prefix, "containers[1].image"])},
	{"image": "debug:1", "path": concat("", [prefix, "ephemeralContainers[0].image"])},
	{"image": "model:1", "path": concat("", [prefix, "volumes[1].image.reference"])},
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
		images.uses({"spec": {"containers": [{"image": value}]}}) == {{"image": "", "path": "spec.containers[0].image"}}
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
