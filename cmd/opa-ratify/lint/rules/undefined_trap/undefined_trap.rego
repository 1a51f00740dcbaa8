# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Refusal that undefined escapes
# description: |
#   where the operand, the trust document or the report is missing the expression is undefined,
#   the rule stays silent, and an `inconclusive` image passes for a good one
# custom:
#   severity: error
#   remedy: |
#     write a positive helper, `_verified(image) if ratify.verify({"image": image, …}).verified`,
#     and negate that: `deny if not _verified(input.image)`
package lint.rules.undefined_trap

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Comparisons with what a bad report would say
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), syntax.text(call.node)) if {
	some decision in syntax.decisions
	some call in decision.calls
	some field in ["verified", "verdict"]
	some side in [0, 1]
	syntax.last(call.args[side]) == field
	_trap(call.name, field, call.args[1 - side].value, decision.name)
}

# METADATA
# title: Negated results
# description: OPA evaluates a call below `not` before the `not`; if it is undefined, so is the rule.
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, expression), syntax.text(expression)) if {
	some decision in syntax.decisions
	some expression in syntax.negated(decision)
	_result(decision, expression.terms)
}

_trap(operator, "verified", false, _) if operator in {"equal", "eq"}

_trap("neq", "verified", true, _)

_trap("neq", "verdict", verdict, _) if verdict in {"verified", "rejected", "inconclusive"}

_trap(operator, "verdict", verdict, name) if {
	operator in {"equal", "eq"}
	verdict in {"rejected", "inconclusive"}
	syntax.refuses(name)
}

# `not ratify.verify(…).verified`
_result(_, term) if {
	syntax.last(term) == "verified"
	term.value[0].type == "call"
}

# `report := ratify.verify(…)`, then `not report.verified`
_result(decision, term) if {
	syntax.last(term) == "verified"
	term.value[0].value in _local(decision)
}

# `ok := ratify.verify(…).verified`, then `not ok`
_result(decision, term) if {
	term.type == "var"
	term.value in _local(decision)
}

_local(decision) := {call.args[0].value |
	some call in decision.calls
	call.name in {"assign", "eq"}
	call.args[0].type == "var"
	some inner in decision.calls
	inner.name in syntax.verifying
	walk(call.args[1], [_, inner.node])
}
