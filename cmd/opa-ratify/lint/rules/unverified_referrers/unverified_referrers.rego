# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Referrers that decide
# description: |
#   `ratify.referrers` lists what anybody attached, and nothing of it is verified
# custom:
#   severity: error
#   remedy: |
#     use `ratify.artifacts` or `ratify.attestations`, which verify what they return
package lint.rules.unverified_referrers

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Calls that an answer depends on
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), "`ratify.referrers`") if {
	some decision in syntax.decisions
	decision.name in syntax.reachable(decision["package"], syntax.answers)
	some call in decision.calls
	call.name == "ratify.referrers"
}
