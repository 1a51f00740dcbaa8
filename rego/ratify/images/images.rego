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
#   Given an AdmissionReview, a Kubernetes object or a List, the set of
#   {"image", "path", "pointer"}: the reference as it is written, and its place in the
#   object, for people (`spec.template.spec.containers[0].image`) and as a JSON pointer
#   (RFC 6901), for patches. Containers, init containers, ephemeral containers and image
#   volumes count. An image that is not a string is "", which no policy can verify. Of
#   an AdmissionReview only the new object counts; a deletion has none.
uses(document) := {_use(path, value) |
	walk(_under_review(document), [path, value])
	_names_image(path)
}

# METADATA
# title: Where a custom resource names images
# description: |
#   The same for kinds whose fields are not shaped like a pod's. Given a document as
#   for `uses`, and an object of the fields by kind, as kubectl names kinds:
#   {"Task.tekton.dev": ["spec.steps[*].image"]}. A step `*` is every element of a list
#   or an object, and a field may be an array of its steps: ["spec", "a.b", "*"]. The
#   kind is looked for at every depth, so that an object in a List or in a template
#   counts too. Fields with a mistake name nothing: see `custom_faults`.
custom_uses(document, fields) := {_use(array.concat(place, path), value) |
	walk(_under_review(document), [place, object_])
	some field in fields[_kind(object_)]
	steps := _steps(field)
	walk(object_, [path, value])
	_follows(path, steps)
}

# METADATA
# title: Mistakes in the fields of custom resources
# description: |
#   An array of lines that say which entry of the second operand of `custom_uses` names
#   nothing; empty if all is well. A policy that goes by the fields denies if it is not.
custom_faults(fields) := ["the fields by kind must be an object"] if not is_object(fields)

else := sort({fault |
	some kind, list in fields
	some fault in _field_faults(kind, list)
})

_field_faults(kind, list) := {sprintf("%v: must be a list of fields", [kind])} if {
	not is_array(list)
} else := {sprintf(`%v[%d]: must be a field such as "spec.steps[*].image", or an array of its steps`, [kind, i]) |
	some i, field in list
	not _steps(field)
}

# As kubectl does: Pod, Deployment.apps, Task.tekton.dev.
_kind(object_) := concat(".", [object_.kind, parts[0]]) if {
	parts := split(object_.apiVersion, "/")
	count(parts) == 2
} else := object_.kind if is_string(object_.apiVersion)

_steps(field) := split(regex.replace(field, `\[(\*|[0-9]+)\]`, ".$1"), ".") if {
	regex.match(`^[^.*\[\]]+(\.[^.*\[\]]+|\.\*|\[(\*|[0-9]+)\])*$`, field)
} else := field if {
	is_array(field)
	count(field) > 0
	every step in field { is_string(step) }
}

_follows(path, steps) if {
	count(path) == count(steps)
	every i, step in steps { _passes(path[i], step) }
}

_passes(_, "*")

_passes(key, step) if sprintf("%v", [key]) == step

_under_review(document) := object.get(document, ["request", "object"], null) if document.kind == "AdmissionReview"

else := document

# The last steps of the path to an image.
#
# Spec: Kubernetes v1.36, PodSpec, Container, EphemeralContainer, ImageVolumeSource.
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

_use(path, value) := {"image": _reference(value), "path": _text(path), "pointer": _pointer(path)}

_reference(value) := value if is_string(value)

else := ""

_text(path) := trim_prefix(concat("", [_step(step) | some step in path]), ".")

_step(step) := sprintf("[%d]", [step]) if is_number(step)

else := sprintf(".%s", [step])

# Spec: RFC 6901, section 3.
_pointer(path) := concat("", [sprintf("/%s", [_escaped(sprintf("%v", [step]))]) | some step in path])

_escaped(step) := replace(replace(step, "~", "~0"), "/", "~1")
