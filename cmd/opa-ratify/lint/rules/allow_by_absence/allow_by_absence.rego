# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Admission for want of objections
# description: |
#   an objection that is undefined, because a document is missing or a name is misspelt, is none
# custom:
#   severity: warning
#   remedy: |
#     let `allow` demand something, such as `report.verified`, besides
package lint.rules.allow_by_absence

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Only negations
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, decision.rule), "`allow`") if {
	some decision in syntax.decisions
	decision.name == "allow"
	not decision.rule.default
	decision.rule.head.value.value == true
	every expression in decision.rule.body {
		_absence(expression)
	}
}

_absence(expression) if expression.negated

_absence(expression) if {
	syntax.dotted(expression.terms[0].value) in {"equal", "eq"}
	some side in [1, 2]
	expression.terms[side].type == "call"
	syntax.dotted(expression.terms[side].value[0].value) == "count"
	expression.terms[3 - side].value == 0
}

_absence(expression) if {
	syntax.dotted(expression.terms[0].value) in {"equal", "eq"}
	some side in [1, 2]
	expression.terms[side].type == "set"
	count(expression.terms[side].value) == 0
}
