# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Documents by JSON schema
# description: |
#   Decides about an image by the shape of signed documents that are attached to it. The
#   schemas are data of the bundle; none is fetched. A document without a schema for its
#   media type denies.
#
#   The verdicts are those of Ratify's `schemavalidator` verifier, which fetches schemas by
#   URL at every verification and is as strong as that URL's host: here a schema that
#   refers to anything outside itself denies, and so does one of a draft that would be
#   checked only in part.
# related_resources:
#   - ref: https://json-schema.org/draft-07
#     description: JSON Schema, drafts 4, 6 and 7
#   - ref: https://github.com/notaryproject/ratify/tree/v1.4.0/plugins/verifier/schemavalidator
#     description: Ratify v1.4, schemavalidator verifier
package ratify.schema

import data.ratify.evidence
import data.ratify.settings as kinds

# METADATA
# title: The decision about documents' shapes
# description: |
#   Given answers of `ratify.artifacts` and `ratify.attestations`, and settings, an object:
#   "allow" (boolean) and "reasons" (array of lines, empty if allowed). The settings are an
#   object: "schemas" (required) has a JSON schema for every media type of a blob, and for
#   every predicate type of an attestation.
decision(answers, settings) := {"allow": false, "reasons": faults} if {
	faults := array.concat(_settings_faults(settings), evidence.faults(answers))
	count(faults) > 0
} else := {"allow": count(lines) == 0, "reasons": lines} if {
	lines := [sprintf("schema_mismatch: %v: %s", [document.digest, line]) |
		some document in evidence.documents(answers)
		some line in _misses(document, settings.schemas)
	]
}

_settings_faults(settings) := array.flatten([
	kinds.faults(settings, {"schemas": "object"}),
	["invalid_settings: schemas is required" | not settings.schemas],
	[sprintf("invalid_settings: schemas[%q] %s", [name, fault]) |
		some name, schema in settings.schemas
		some fault in _schema_faults(schema)
	],
])

# A schema must be looked at before anything else is done with it: to compile it is to
# fetch what it refers to (threat: requests wherever a bundle says).
_schema_faults(schema) := ["must be a schema, written out as an object"] if {
	not is_object(schema)
} else := references if {
	references := _references(schema)
	count(references) > 0
} else := [sprintf("is of draft %v; it can be 4, 6 or 7", [schema["$schema"]])] if {
	not object.get(schema, "$schema", "http://json-schema.org/draft-07/schema#") in _drafts
} else := [problem] if {
	[false, problem] = json.verify_schema(_anonymous(schema))
} else := []

_drafts contains sprintf("%s://json-schema.org/draft-%s/schema%s", [scheme, draft, hash]) if {
	some scheme in ["http", "https"]
	some draft in ["04", "06", "07"]
	some hash in ["", "#"]
}

_references(schema) := [sprintf("refers to %v with %s; a schema must have all it needs in itself", [value, key]) |
	walk(schema, [path, value])
	is_string(value)
	key := path[count(path) - 1]
	_is_foreign(key, value, count(path))
]

_is_foreign("$ref", value, _) if not startswith(value, "#")

# What a fragment is relative to.
_is_foreign(key, _, depth) if {
	key in {"id", "$id"}
	depth > 1
}

# Without a name of its own, so that "#/definitions/x" is in the schema itself.
_anonymous(schema) := object.remove(schema, ["$id", "id"])

_misses(document, schemas) := [sprintf("no schema for %v in schemas", [document.media_type])] if {
	not schemas[document.media_type]
} else := [] if {
	[true, _] = json.match_schema(_content(document), _anonymous(schemas[document.media_type]))
} else := [error.desc | some error in errors] if {
	[_, errors] = json.match_schema(_content(document), _anonymous(schemas[document.media_type]))
	count(errors) > 0
} else := ["not JSON"]

# Documents that are no objects are kept as text.
_content(document) := document.json if {
	document.json != null
} else := document.text
