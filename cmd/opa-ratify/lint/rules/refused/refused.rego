# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Policy that does not load
# description: |
#   this program refuses to load the policy
# custom:
#   severity: error
#   remedy: |
#     do what the message says; `opa-ratify check` says the same
package lint.rules.refused

import data.lint.finding

# METADATA
# title: Refused modules
findings contains finding.of(rego.metadata.chain(), location, refused.message) if {
	some refused in input.refused
	location := {"file": refused.file, "row": refused.row, "col": refused.col}
}
