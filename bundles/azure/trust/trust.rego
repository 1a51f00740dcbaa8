# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed with certificates and keys in Key Vault
# description: Which registries, and whose certificates and keys, stands in data.yaml.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

decision := policy.decision(input, settings)

settings := {"policies": data.trust.policies, "documents": data.trust.documents}
