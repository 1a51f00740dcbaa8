# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust by data, for the API server
# description: Who is trusted for which image is written in data.yaml; nothing is decided here.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

warnings := decision.warnings

dryrun := decision.dryrun

requests := policy.requests(input, settings)

decision := policy.decision(input, settings)

settings := {
	"policies": data.trust.policies,
	"documents": data.trust.documents,
	"namespaces": data.trust.namespaces,
	"exemptions": data.trust.exemptions,
}
