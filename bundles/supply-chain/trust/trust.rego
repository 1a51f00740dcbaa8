# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signed, of known parts, without known holes, built by us
# description: |
#   Who may say so stands in signers/data.yaml, what must be said in data.yaml; nothing is
#   decided here. Everything is asked about the digest whose signature was verified.
package trust

import data.ratify.provenance
import data.ratify.sbom
import data.ratify.vulnerability

default allow := false

allow if {
	report.verified == true
	every topic in _topics { decisions[topic].allow == true }
}

report := ratify.verify({"image": input.image, "trust": _signers.release})

reasons contains sprintf("signature: %s: %s", [e.code, e.message]) if some e in report.errors

reasons contains sprintf("%s: %s", [topic, line]) if {
	some topic, decision in decisions
	some line in decision.reasons
}

reasons contains sprintf("%s: no decision; is data.trust.%s there?", [topic, topic]) if {
	some topic in _topics
	not decisions[topic]
}

_signers := data.trust.signers

_topics := ["sbom", "vulnerability", "provenance"]

decisions["sbom"] := sbom.decision(
	[_artifacts("application/spdx+json", "scanner"), _artifacts("application/vnd.cyclonedx+json", "scanner")],
	data.trust.sbom,
)

decisions["vulnerability"] := vulnerability.decision(
	[_artifacts("application/sarif+json", "scanner")],
	[_artifacts("application/vnd.openvex+json", "reviewer")],
	data.trust.vulnerability,
)

decisions["provenance"] := provenance.decision([_statements("https://slsa.dev/provenance/v1")], data.trust.provenance)

_artifacts(type, signer) := ratify.artifacts({
	"image": report.reference,
	"artifact_type": type,
	"trust": _signers[signer],
})

_statements(type) := ratify.attestations({
	"image": report.reference,
	"predicate_type": type,
	"trust": _signers.builder,
})
