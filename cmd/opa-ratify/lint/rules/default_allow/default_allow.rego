# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Admission by default
# description: |
#   whatever no rule speaks of is admitted, also what could not be verified
# custom:
#   severity: error
#   remedy: |
#     write `default allow := false` and say what is allowed
package lint.rules.default_allow

import data.lint.finding
import data.lint.syntax

# METADATA
# title: default allow := true
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, decision.rule), syntax.text(decision.rule)) if {
	some decision in syntax.decisions
	decision.name == "allow"
	decision.rule.default
	decision.rule.head.value.value == true
}
