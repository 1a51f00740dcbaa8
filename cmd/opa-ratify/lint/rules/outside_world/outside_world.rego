# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Decision by what is elsewhere
# description: |
#   the answer depends on something that is neither in the bundle nor in the evidence: it cannot be
#   signed, tested or explained afterwards
# custom:
#   severity: warning
#   remedy: |
#     put it into data, or into a signed attestation
package lint.rules.outside_world

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Calls
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), sprintf("`%s`", [call.name])) if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name in {"http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn"}
}
