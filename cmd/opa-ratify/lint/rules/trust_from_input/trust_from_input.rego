# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust that the asker brings
# description: |
#   who asks whether an image is trusted must not say whom to trust
# custom:
#   severity: error
#   remedy: |
#     take the trust document from the bundle, `data.trust.<name>`; `input` may choose among them, as in
#     `data.trust.by_namespace[input.namespace]`
package lint.rules.trust_from_input

import data.lint.finding
import data.lint.syntax

# METADATA
# title: trust in a request
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, value), syntax.text(value)) if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name in syntax.verifying
	walk(call.args, [_, node])
	node.type == "object"
	some [key, value] in node.value
	key.value == "trust"
	_asked(decision, value)
}

# METADATA
# title: Whole requests
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), syntax.text(call.node)) if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name in syntax.verifying
	_is_input(call.args[0])
}

_is_input(term) if {
	_from_input(term)
	_whole(array.slice(term.value, 1, count(term.value)))
}

_whole([])

_whole([part]) if part.value == "request"

_asked(_, term) if _brought(term)

_asked(decision, term) if {
	term.type == "var"
	some call in decision.calls
	call.name in {"assign", "eq"}
	call.args[0].value == term.value
	_brought(call.args[1])
}

# A rule of that name.
_asked(decision, term) if {
	term.type == "var"
	some other in syntax.decisions
	other["package"] == decision["package"]
	other.name == term.value
	_brought(other.rule.head.value)
}

_brought(term) if _from_input(term)

# What is merged with the asker's.
_brought(term) if {
	term.type == "call"
	syntax.dotted(term.value[0].value) in {"json.patch", "object.union"}
	some part in array.slice(term.value, 1, 3)
	_from_input(part)
}

_from_input(term) if {
	term.type == "ref"
	term.value[0].value == "input"
}
