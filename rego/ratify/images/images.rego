# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Images of an object
# description: |
#   Which images a Kubernetes object would run, wherever it names them. Kinds are not
#   listed: every part of an object that has the shape of a pod's containers or
#   volumes counts, so that no workload, custom resource or pod template escapes,
#   whatever its kind says and however many replicas it has.
package ratify.images

# METADATA
# title: Images of the input
# description: |
#   The set of the references in `input`, as they are written: what to verify of the
#   object under review.
references contains use.image if some use in uses(input)

# METADATA
# title: Where a document names images
# description: |
#   Given an AdmissionReview, a Kubernetes object or a List, the set of {"image", "path"}:
#   the reference as it is written, and its place in the object, such as
#   `spec.template.spec.containers[0].image`. Containers, init containers, ephemeral
#   containers and image volumes count. An image that is not a string is "", which
#   no policy can verify. Of an AdmissionReview only the new object counts; a
#   deletion has none.
uses(document) := {{"image": _reference(value), "path": _text(path)} |
	walk(_under_review(document), [path, value])
	_names_image(path)
}

_under_review(document) := object.get(document, ["request", "object"], null) if document.kind == "AdmissionReview"

else := document

# The last steps of the path to an image.
#
# Spec: Kubernetes v1.35, PodSpec, Container, EphemeralContainer, ImageVolumeSource.
_names_image(path) if {
	n := count(path)
	path[n - 1] == "image"
	is_number(path[n - 2])
	path[n - 3] in {"containers", "initContainers", "ephemeralContainers"}
}

_names_image(path) if {
	n := count(path)
	array.slice(path, n - 2, n) == ["image", "reference"]
	is_number(path[n - 3])
	path[n - 4] == "volumes"
}

_reference(value) := value if is_string(value)

else := ""

_text(path) := trim_prefix(concat("", [_step(step) | some step in path]), ".")

_step(step) := sprintf("[%d]", [step]) if is_number(step)

else := sprintf(".%s", [step])
