# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Checks that only log
# description: |
#   a check that is logged or skipped refuses nobody, whatever it finds
# custom:
#   severity: error
#   remedy: |
#     write `level: strict`, and override single checks (`revocation: log`) where you must
package lint.rules.weak_level

import data.lint.finding
import data.lint.places

# METADATA
# title: Levels
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	some document in input.trust
	some i, statement in document.value.notation.trust_policy.trustPolicies
	level := statement.signatureVerification.level
	level in {"audit", "skip"}
	pointer := sprintf("/notation/trust_policy/trustPolicies/%d/signatureVerification/level", [i])
	what := sprintf("`level: %s`", [level])
}

# METADATA
# title: Overrides
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	some document in input.trust
	some i, statement in document.value.notation.trust_policy.trustPolicies
	some check in ["authenticity", "integrity"]
	action := statement.signatureVerification.override[check]
	action in {"log", "skip"}
	pointer := sprintf("/notation/trust_policy/trustPolicies/%d/signatureVerification/override/%s", [i, check])
	what := sprintf("`%s: %s`", [check, action])
}
