# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Certificates without their log
# description: |
#   the log is what makes a certificate that was obtained by fraud visible to its owner
# custom:
#   severity: error
#   remedy: |
#     leave `transparency_log` and `certificate_transparency` out: with identities they are required
package lint.rules.skipped_log

import data.lint.finding
import data.lint.places

# METADATA
# title: Ignored logs
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	some document in input.trust
	document.value.cosign.identities
	some log in ["transparency_log", "certificate_transparency"]
	document.value.cosign[log] == "ignored"
	pointer := sprintf("/cosign/%s", [log])
	what := sprintf("`%s: ignored` with identities", [log])
}
