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
	count(term.value) == 1
	term.value[0].value == "input"
}

_asked(_, term) if {
	term.type == "ref"
	term.value[0].value == "input"
}

_asked(decision, term) if {
	term.type == "var"
	some call in decision.calls
	call.name in {"assign", "eq"}
	call.args[0].value == term.value
	call.args[1].type == "ref"
	call.args[1].value[0].value == "input"
}
