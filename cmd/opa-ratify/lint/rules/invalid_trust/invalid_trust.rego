# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust document that is refused
# description: |
#   the verifier refuses the trust document, and every decision with it
# custom:
#   severity: error
#   remedy: |
#     do what the message says
package lint.rules.invalid_trust

import data.lint.finding
import data.lint.places

# METADATA
# title: Objections of the verifier
findings contains finding.of(rego.metadata.chain(), places.at(document, fault.pointer), fault.message) if {
	some document in input.trust
	some fault in document.faults
}
