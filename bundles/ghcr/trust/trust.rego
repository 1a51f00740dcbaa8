# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed with the certificate for images in GHCR
# description: Which images and which certificate stands in data.yaml.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

decision := policy.decision(input, settings)

settings := {"policies": data.trust.policies, "documents": data.trust.documents}
