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

warnings := decision.warnings

dryrun := decision.dryrun

requests := policy.requests(input, settings)

decision := policy.decision(input, settings)

settings := {
	"policies": _policies,
	"documents": _documents,
	"namespaces": _namespaces,
	"exemptions": _exemptions,
}

# A section of data.yaml may be left out, except policies: null is a mistake.
default _policies := null

_policies := data.trust.policies

default _documents := {}

_documents := data.trust.documents

default _namespaces := {}

_namespaces := data.trust.namespaces

default _exemptions := {}

_exemptions := data.trust.exemptions
