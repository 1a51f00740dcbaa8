# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: A floor for the cluster, demands by its tenants
# description: The floor stands in data.yaml, a namespace's demands in namespaces/<name>/data.yaml.
package trust

import data.ratify.policy

default allow := false

allow if decision.allow

report := decision.report

reasons := decision.reasons

warnings := decision.warnings

decision := policy.decision(input, settings)

settings := {
	"policies": data.trust.policies,
	"documents": data.trust.documents,
	"namespaces": data.trust.namespaces,
	"exemptions": data.trust.exemptions,
}
