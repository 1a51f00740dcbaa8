# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Where data is
# description: Places in the documents that rules get, {"file", "value", "locations"}.
package lint.places

# METADATA
# title: Where a value is
# description: |
#   Given a document and a JSON pointer, {"file", "row", "col"}: of the value, or of
#   the nearest parent whose place is known.
at(document, pointer) := object.union({"file": document.file}, place) if {
	steps := split(pointer, "/")
	known := [n |
		some n in numbers.range(1, count(steps))
		document.locations[concat("/", array.slice(steps, 0, n))]
	]
	place := document.locations[concat("/", array.slice(steps, 0, max(known)))]
}

# METADATA
# title: A JSON pointer
# description: "Of a path, an array of names and numbers. Spec: RFC 6901."
pointer(path) := concat("", [sprintf("/%s", [_escaped(part)]) | some part in path])

_escaped(part) := replace(replace(sprintf("%v", [part]), "~", "~0"), "/", "~1")
