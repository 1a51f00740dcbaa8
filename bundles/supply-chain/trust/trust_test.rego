# SPDX-License-Identifier: Apache-2.0

package trust_test

import data.trust

# An image of which everything is as data.yaml wants it, and the sources that are
# edited there.

_sources := [{"repository": "https://github.com/acme/app", "refs": ["refs/tags/v[0-9.]+"]}]

_reference := "registry.example/acme/app@sha256:a"

_artifact(content) := {
	"verified": true, "verdict": "verified", "digest": "sha256:b", "errors": [],
	"annotations": {"org.opencontainers.image.created": "2026-08-22T00:00:00Z"},
	"contents": [{"media_type": "m", "json": content, "text": ""}],
}

_spdx(name, version, license) := {
	"spdxVersion": "SPDX-2.3",
	"packages": [{"name": name, "versionInfo": version, "licenseConcluded": license}],
}

_sarif(findings) := {"version": "2.1.0", "runs": [{
	"tool": {"driver": {"name": "Trivy", "rules": [{"id": id, "help": {"text": sprintf("Severity: %s", [severity])}} |
		some id, severity in findings
	]}},
	"results": [{"ruleId": id, "message": {"text": "Fixed Version: 1.2"}} | some id, _ in findings],
}]}

_vex(id) := {
	"@context": "https://openvex.dev/ns/v0.2.0", "timestamp": "2026-08-21T00:00:00Z",
	"statements": [{
		"vulnerability": {"name": id},
		"status": "not_affected",
		"justification": "vulnerable_code_not_present",
	}],
}

_provenance(repository) := {
	"buildDefinition": {"externalParameters": {"workflow": {"repository": repository, "ref": "refs/tags/v1.0"}}},
	"runDetails": {"builder": {"id": "https://github.com/actions/runner/github-hosted"}},
}

_good := {
	"application/spdx+json": [_artifact(_spdx("busybox", "1.36.1-r1", "GPL-2.0-only"))],
	"application/sarif+json": [_artifact(_sarif({"CVE-1": "MEDIUM"}))],
	"https://slsa.dev/provenance/v1": [_provenance("https://github.com/acme/app")],
}

_signers := {"release": {"r": 1}, "scanner": {"s": 1}, "reviewer": {"v": 1}, "builder": {"b": 1}}

# Answers by what is attached, each only for the signer who vouches for it.

_decided(attached) := answer if {
	answer := {"allow": trust.allow, "reasons": trust.reasons} with input.image as "registry.example/acme/app:v1.0"
		with trust.attached as attached
		with trust.signers as _signers
		with trust.provenance.sources as _sources # regal ignore:unresolved-reference
		with ratify.verify as _verify
		with ratify.artifacts as _artifacts
		with ratify.attestations as _attestations
		with time.now_ns as time.parse_rfc3339_ns("2026-08-22T12:00:00Z")
}

_with(changes) := _decided(object.union(_good, changes))

test_image_of_which_everything_is_right if {
	_decided(_good) == {"allow": true, "reasons": set()}
}

test_what_is_missing_denies if {
	every type in object.keys(_good) {
		answer := _decided(object.remove(_good, [type]))
		answer.allow == false
		count(answer.reasons) > 0
	}
}

test_bill_of_materials if {
	_with({"application/spdx+json": [_artifact(_spdx("x", "1", "AGPL-3.0-only"))]}).allow == false
	line := "sbom: denied_package: log4j-core 2.14.0 is denied"
	_with({"application/spdx+json": [_artifact(_spdx("log4j-core", "2.14.0", "Apache-2.0"))]}).reasons == {line}
	_with({"application/spdx+json": [_artifact(_spdx("log4j-core", "2.17.1", "Apache-2.0"))]}).allow
}

test_vulnerabilities if {
	high := {"application/sarif+json": [_artifact(_sarif({"CVE-2": "HIGH"}))]}
	_with(high).allow == false
	_with(object.union(high, {"application/vnd.openvex+json": [_artifact(_vex("CVE-2"))]})).allow
	_with(object.union(high, {"application/vnd.openvex+json": [_artifact(_vex("CVE-3"))]})).allow == false
}

test_provenance if {
	_with({"https://slsa.dev/provenance/v1": [_provenance("https://github.com/evil/app")]}).reasons == {concat("", [
		"provenance: provenance_mismatch: sha256:c: ",
		`the source https://github.com/evil/app at "refs/tags/v1.0" is none of sources`,
	])}
}

# Although everything else is right.
test_image_that_is_not_signed_denies if {
	unsigned := {"verified": false, "reference": _reference, "errors": [{"code": "no_signature", "message": "why"}]}
	answer := {"allow": trust.allow, "reasons": trust.reasons} with input.image as "registry.example/acme/app:v1.0"
		with trust.attached as _good
		with trust.signers as _signers
		with trust.provenance.sources as _sources # regal ignore:unresolved-reference
		with ratify.verify as unsigned
		with ratify.artifacts as _artifacts
		with ratify.attestations as _attestations
		with time.now_ns as time.parse_rfc3339_ns("2026-08-22T12:00:00Z")
	answer == {"allow": false, "reasons": {"signature: no_signature: why"}}
}

# Nothing answers: not so much as the trust document is there.
test_nothing_is_allowed_without_data if {
	trust.allow == false with trust.signers as {}
	trust.reasons == {sprintf("%s: no decision; is data.trust.%s there?", [topic, topic]) |
		some topic in ["sbom", "vulnerability", "provenance"]
	} with trust.signers as {}
}

_verify(request) := {"verified": true, "reference": _reference, "errors": []} if request.trust == _signers.release

_artifacts(request) := {"reference": _reference, "digest": "sha256:a", "errors": [], "artifacts": artifacts} if {
	request.image == _reference
	request.trust == _signers[_signer_of[request.artifact_type]]
	artifacts := object.get(trust.attached, request.artifact_type, [])
}

_signer_of := {
	"application/spdx+json": "scanner",
	"application/vnd.cyclonedx+json": "scanner",
	"application/sarif+json": "scanner",
	"application/vnd.openvex+json": "reviewer",
}

_attestations(request) := {
	"reference": _reference, "digest": "sha256:a", "verdict": "verified", "errors": [],
	"attestations": [{"verified": true, "digest": "sha256:c", "statement": {
		"predicateType": request.predicate_type,
		"predicate": predicate,
	}} |
		some predicate in object.get(trust.attached, request.predicate_type, [])
	],
} if {
	request.image == _reference
	request.trust == _signers.builder
}
