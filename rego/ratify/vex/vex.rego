# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Statements that excuse vulnerabilities
# description: |
#   Reads OpenVEX documents. A statement excuses a finding if it says `fixed`, or
#   `not_affected` with one of the justifications, of that vulnerability in that package
#   or in the image, and no later statement says otherwise. What is not understood
#   excuses nothing.
# related_resources:
#   - ref: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
#     description: OpenVEX v0.2.0
#   - ref: https://github.com/package-url/purl-spec/blob/main/PURL-SPECIFICATION.rst
#     description: Package URL
package ratify.vex

# METADATA
# title: Statements in documents
# description: |
#   Given documents of `data.ratify.evidence`, an object: for every name of a
#   vulnerability (lower case) an object of the OpenVEX statements about it. A statement is
#   {"products" (as they stand; [] if it is about the image the document is attached to),
#   "subject" (the image's digest), "status", "excuses" (boolean), "time" (nanoseconds
#   since 1970; 0 if not known)}.
statements(documents) := object.union_n([{name: {sprintf("%d.%d", [i, j]): statement}} |
	some i, document in documents
	startswith(document.json["@context"], "https://openvex.dev/ns")
	some j, given in document.json.statements
	statement := {
		"products": _products(given),
		"subject": document.subject,
		"status": object.get(given, "status", ""),
		"excuses": _excuses(given),
		"time": _time(given, document.json),
	}
	some name in _names(given.vulnerability)
])

# OpenVEX v0.0.1 wrote the name alone, and Trivy's authors write it as "@id".
_names(vulnerability) := {lower(name) |
	some name in array.concat(
		[object.get(vulnerability, field, "") | some field in ["@id", "name"]],
		object.get(vulnerability, "aliases", []),
	)
	name != ""
} if {
	is_object(vulnerability)
} else := {lower(vulnerability)}

# Products that are not a list, and components of no product, are taken for products
# that do not match.
_products(given) := [] if {
	object.get(given, "products", []) == []
	_beside(given) == []
} else := [_product(item, given) | some item in given.products] if {
	is_array(given.products)
	count(given.products) > 0
} else := [null]

# OpenVEX v0.0.1 wrote products as texts, and their components beside them.
_product(item, given) := {"@id": item, "subcomponents": _beside(given)} if is_string(item)

else := item

_beside(given) := [{"@id": component} | some component in given.subcomponents] if {
	is_array(given.subcomponents)
} else := [null] if "subcomponents" in object.keys(given)

else := []

default _excuses(_) := false

_excuses(given) if given.status == "fixed"

_excuses(given) if {
	given.status == "not_affected"
	given.justification in {
		"component_not_present",
		"inline_mitigations_already_exist",
		"vulnerable_code_cannot_be_controlled_by_adversary",
		"vulnerable_code_not_in_execute_path",
		"vulnerable_code_not_present",
	}
}

# The timestamp of the statement, else of the document.
_time(given, content) := _ns(given.timestamp) if {
	given.timestamp
} else := _ns(object.get(content, "timestamp", ""))

default _ns(_) := 0

_ns(text) := time.parse_rfc3339_ns(text) if is_string(text)

# METADATA
# title: What excuses a finding
# description: |
#   Given a finding of `data.ratify.vulnerability_report`, and statements as above, the one
#   that excuses it; undefined if none does. The latest statement counts, and of two at one
#   time the one that excuses nothing. A statement without a time, or of a time to come,
#   cannot excuse; one that takes an excuse back counts whatever its time.
excuse(finding, made) := [statement |
	relevant := [statement |
		some name in array.concat([finding.id], finding.aliases)
		some statement in made[lower(name)]
		_covers(statement, finding)
	]
	contrary := {_latest_if_unknown(statement.time) | some statement in relevant; not statement.excuses}
	some statement in relevant
	statement.excuses
	statement.time > max(contrary | {0})
	statement.time <= time.now_ns()
][0]

_latest_if_unknown(0) := time.now_ns()

_latest_if_unknown(known) := known if known > 0

_covers(statement, _) if count(statement.products) == 0

_covers(statement, finding) if {
	some item in statement.products
	_is_product(item, statement.subject, finding)
}

# The package itself.
_is_product(item, _, finding) if {
	count(object.get(item, "subcomponents", [])) == 0
	some wanted in _purls(item)
	is_same_package(wanted, finding.purl)
}

# The image, all of it or the components that are named.
_is_product(item, subject, finding) if {
	_is_image(item, subject)
	_has_component(object.get(item, "subcomponents", []), finding)
}

_is_image(item, subject) if {
	some named in _purls(item)
	startswith(named, "pkg:oci/")
	_parts(named).version == subject
}

_is_image(item, subject) if {
	subject == concat(":", ["sha256", item.hashes["sha-256"]])
}

_has_component(components, _) if count(components) == 0

_has_component(components, finding) if {
	some component in components
	some wanted in _purls(component)
	is_same_package(wanted, finding.purl)
}

_purls(component) := {text |
	some path in [["@id"], ["identifiers", "purl"]]
	text := object.get(component, path, "")
	startswith(text, "pkg:")
}

# METADATA
# title: Whether a package URL names a package
# scope: document
# description: |
#   True if type, namespace and name of the two package URLs are equal, and so are the
#   version and the qualifiers as far as the first one has them: `pkg:apk/alpine/busybox`
#   names every version of it. False for what is no package URL.
default is_same_package(_, _) := false

is_same_package(wanted, given) if {
	pattern := _parts(wanted)
	this := _parts(given)
	pattern.name == this.name
	pattern.version in {"", this.version}
	count(pattern.qualifiers - this.qualifiers) == 0
}

# Spec: PURL-SPECIFICATION, "How to parse a purl string in its components".
_parts(text) := {"name": _decoded(name), "version": _decoded(version), "qualifiers": qualifiers} if {
	startswith(text, "pkg:")
	plain := split(trim_prefix(text, "pkg:"), "#")[0]
	[path, query] := _cut(plain, "?")
	[name, version] := _versioned(path)
	qualifiers := {_decoded(qualifier) | some qualifier in split(query, "&"); qualifier != ""}
}

_cut(text, separator) := [substring(text, 0, i), substring(text, i + 1, -1)] if {
	i := indexof(text, separator)
	i >= 0
} else := [text, ""]

# The version follows the last "@"; an earlier one belongs to a name such as @angular/core.
_versioned(path) := [trim_suffix(path, sprintf("@%s", [version])), version] if {
	pieces := split(path, "@")
	count(pieces) > 1
	version := pieces[count(pieces) - 1]
	not contains(version, "/")
} else := [path, ""]

_decoded(text) := urlquery.decode(replace(text, "+", "%2B"))
