# SPDX-License-Identifier: Apache-2.0

package ratify.schema_test

import data.ratify.schema

_type := "application/vnd.acme.review+json"

_content(media_type, json_, text) := {"media_type": media_type, "json": json_, "text": text}

_artifact(contents) := {
	"artifact_type": "application/vnd.acme.review", "digest": "sha256:b", "verdict": "verified", "verified": true,
	"contents": contents, "errors": [],
}

_listing(artifacts) := [{
	"reference": "registry.example/app@sha256:a", "digest": "sha256:a", "errors": [],
	"artifacts": artifacts,
}]

_signed(document) := _listing([_artifact([_content(_type, document, "")])])

_schema := {
	"$schema": "http://json-schema.org/draft-07/schema#",
	"$id": "https://acme.example/review.json",
	"type": "object",
	"required": ["reviewers"],
	"properties": {"reviewers": {"$ref": "#/definitions/people"}, "id": {"type": "string"}},
	"definitions": {"people": {"type": "array", "minItems": 2, "items": {"type": "string"}}},
}

_decision(answers, schemas) := schema.decision(answers, {"schemas": schemas})

test_document_of_the_shape if {
	_decision(_signed({"reviewers": ["a", "b"], "id": "x"}), {_type: _schema}) == {"allow": true, "reasons": []}
}

test_document_of_another_shape if {
	every c in [
		[{}, "reviewers is required"], [{"reviewers": ["a"]}, "Array must have at least 2 items"],
		[{"reviewers": ["a", "b"], "id": 7}, "Invalid type. Expected: string, given: integer"],
	] {
		_decision(_signed(c[0]), {_type: _schema}) == {
			"allow": false,
			"reasons": [sprintf("schema_mismatch: sha256:b: %s", [c[1]])],
		}
	}
}

# As Ratify's verifier has it
test_every_blob_needs_a_schema if {
	good := _content(_type, {"reviewers": ["a", "b"]}, "")
	other := _content("text/plain", null, "x")
	_decision(_listing([_artifact([good, good])]), {_type: _schema}).allow
	line := "schema_mismatch: sha256:b: no schema for text/plain in schemas"
	_decision(_listing([_artifact([good, other])]), {_type: _schema}).reasons == [line]
	_decision(_listing([_artifact([good]), _artifact([other])]), {_type: _schema}).allow == false
}

test_document_that_is_no_object if {
	every c in [["[\"a\"]", true], ["[]", false], ["7", false], ["no json", false], ["", false], ["{} {}", false]] {
		answers := _listing([_artifact([_content(_type, null, c[0])])])
		_decision(answers, {_type: {"type": "array", "minItems": 1}}).allow == c[1]
	}
}

test_predicate if {
	answers := [{
		"reference": "r", "digest": "sha256:a", "verdict": "verified", "errors": [],
		"attestations": [{"verified": true, "digest": "sha256:b", "statement": {
			"predicateType": "https://acme.example/review/v1",
			"predicate": {"reviewers": ["a", "b"]},
		}}],
	}]
	_decision(answers, {"https://acme.example/review/v1": _schema}).allow
	_decision(answers, {"https://acme.example/review/v2": _schema}).allow == false
}

test_document_that_is_not_signed_denies if {
	shown := object.union(_signed({"reviewers": ["a", "b"]})[0].artifacts[0], {"verified": false, "verdict": "rejected"})
	every answers in [_listing([shown]), _listing([]), [], null] {
		_decision(answers, {_type: _schema}).allow == false
	}
}

# Schemas

test_schema_that_refers_to_something_else_denies if {
	every c in [
		[{"$ref": "http://127.0.0.1:1/x.json"}, "$ref"], [{"$ref": "file:///etc/hostname"}, "$ref"],
		[{"$ref": "x.json"}, "$ref"],
		[{"properties": {"a": {"$ref": "https://acme.example/x#/definitions/y"}}}, "$ref"],
		[{"allOf": [{"not": {"$ref": ""}}]}, "$ref"], [{"definitions": {"x": {"$id": "http://127.0.0.1:1/x.json"}}}, "$id"],
		[{"items": {"id": "http://127.0.0.1:1/x.json"}}, "id"],
	] {
		lines := _decision(_signed({}), {_type: c[0]}).reasons
		count(lines) == 1
		startswith(lines[0], `invalid_settings: schemas["application/vnd.acme.review+json"] refers to `)
		endswith(lines[0], sprintf(" with %s; a schema must have all it needs in itself", [c[1]]))
	}
}

test_drafts if {
	every draft in [
		"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema",
		"https://json-schema.org/draft-07/schema#",
	] {
		_decision(_signed({}), {_type: {"$schema": draft}}).allow
	}
	every draft in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/schema#", "", 7, null] {
		lines := _decision(_signed({}), {_type: {"$schema": draft}}).reasons
		count(lines) == 1
		endswith(lines[0], "; it can be 4, 6 or 7")
	}
}

test_what_is_no_schema_denies if {
	every given in [
		{"type": "x"}, {"$ref": "#/nowhere"}, {"required": 7}, "https://acme.example/x.json",
		null, true, false, [],
	] {
		decision := _decision(_signed({}), {_type: given})
		decision.allow == false
		startswith(decision.reasons[0], "invalid_settings: schemas")
	}
}

test_every_schema_is_looked_at if {
	schemas := {_type: {"type": "object"}, "other": {"$ref": "http://127.0.0.1:1/x.json"}}
	_decision(_signed({}), schemas).allow == false
}

test_settings_with_a_mistake_deny if {
	every settings in [null, {}, {"schemas": []}, {"schemas": "x"}, {"schemas": {}, "schema": {}}, "x"] {
		schema.decision(_signed({}), settings).allow == false
	}
}
