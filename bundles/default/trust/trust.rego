# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust by data
# description: Who is trusted for which image is written in data.yaml; nothing is decided here.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

decision := policy.decision(input, {
	"policies": data.trust.policies,
	"documents": data.trust.documents,
	"namespaces": data.trust.namespaces,
})
