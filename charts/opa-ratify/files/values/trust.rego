# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Trust by data, for Gatekeeper
# description: Who is trusted for which image is written in data.yaml; nothing is decided here.
package trust

import data.ratify.policy
import data.ratify.sbom
import data.ratify.vulnerability

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

# For the templates that ask for documents.

verifier_reports contains _entry("sbom", found) if {
	rule := data.trust.sbom
	found := sbom.decision(_artifacts(["application/spdx+json", "application/vnd.cyclonedx+json"], rule), rule.settings)
}

verifier_reports contains _entry("vulnerabilityreport", found) if {
	rule := data.trust.vulnerability
	found := vulnerability.decision(_artifacts(["application/sarif+json"], rule), [], rule.settings)
}

_entry(type, found) := {
	"type": type,
	"verifierType": type,
	"name": sprintf("verifier-%s", [type]),
	"verifierName": sprintf("verifier-%s", [type]),
	"isSuccess": found.allow,
	"message": concat("; ", found.reasons),
}

# Of the digest that was verified, and only what is signed itself.
_artifacts(types, rule) := [answer |
	report.verified == true
	some type in types
	answer := ratify.artifacts({
		"image": report.reference,
		"artifact_type": type,
		"trust": data.trust.documents[rule.trust],
	})
]
