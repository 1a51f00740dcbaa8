# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Any signer of a trust store
# description: |
#   everybody to whom the certificate authority ever gave or will give a certificate may sign
# custom:
#   severity: warning
#   remedy: |
#     name the signers, `x509.subject: C=…, ST=…, O=…, CN=…`
package lint.rules.any_identity

import data.lint.finding
import data.lint.places

# METADATA
# title: Trusted identities
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), "`trustedIdentities: [\"*\"]`") if {
	some document in input.trust
	some i, statement in document.value.notation.trust_policy.trustPolicies
	"*" in statement.trustedIdentities
	pointer := sprintf("/notation/trust_policy/trustPolicies/%d/trustedIdentities", [i])
}
