# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust document that is not there
# description: |
#   a reference to data that is missing is undefined, and so is the report: every image is denied, without
#   a reason
# custom:
#   severity: warning
#   remedy: |
#     correct the name, or add the document
package lint.rules.unknown_trust

import data.lint.finding
import data.lint.syntax

# METADATA
# title: References to data
# description: Where the bundle has data of that kind, but not under this name.
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, value), syntax.text(value)) if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name in syntax.verifying
	walk(call.args, [_, node])
	node.type == "object"
	some [key, value] in node.value
	key.value == "trust"
	path := _constant(value)
	not _present(path)
	_present(array.slice(path, 0, count(path) - 1))
	not _computed(path)
}

_constant(term) := [part.value | some i, part in term.value; i > 0] if {
	term.type == "ref"
	term.value[0].value == "data"
	count(term.value) > 2
	every i, part in term.value {
		_fixed(i, part)
	}
}

_fixed(0, _)

_fixed(i, part) if {
	i > 0
	part.type == "string"
}

_present(path) if {
	some document in input.documents
	n := count(document.path)
	array.slice(path, 0, n) == document.path
	object.get(document.value, array.slice(path, n, count(path)), _missing) != _missing
}

_missing := "\u0000"

# A rule of the bundle has that name.
_computed(path) if {
	some decision in syntax.decisions
	full := sprintf("data.%s", [concat(".", path)])
	startswith(full, sprintf("%s.%s", [decision["package"], decision.name]))
}
