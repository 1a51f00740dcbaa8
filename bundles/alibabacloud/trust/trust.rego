# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed with the KMS keys of the registry instance
# description: Which instances, by which host names, and which certificates stands in data.yaml.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

decision := policy.decision(input, settings)

settings := {"policies": data.trust.policies, "documents": data.trust.documents}
