# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Bills of materials
# description: |
#   Reads SPDX 2.x (JSON and tag-value) and CycloneDX 1.x (JSON) into packages of one
#   shape. A bill that is not wholly understood, or lists nothing, has faults.
# related_resources:
#   - ref: https://spdx.github.io/spdx-spec/v2.3/
#     description: SPDX v2.3
#   - ref: https://cyclonedx.org/docs/1.6/json/
#     description: CycloneDX v1.6, JSON
package ratify.sbom_document

# METADATA
# title: Packages in a document
# description: |
#   Given a document of `data.ratify.evidence`, an object: "packages" (array) and "faults"
#   (lines). A package is {"name", "group" ("" if it has none), "version", "purl" ("" if not
#   known), "licenses" (array of SPDX expressions or names, all of which hold; empty if
#   nothing is known), "license_names" (array of what an SPDX document says that the
#   "LicenseRef-…" among them are), "is_image" (true for what stands for the image itself),
#   "is_place" (true for what packages are in and that is none: the image itself, the
#   operating system, an application without version and package URL, which is how Trivy
#   lists "jar", "node-pkg" and lock files)}.
#
#   The licence of an SPDX package is the concluded one, else the declared one.
read(document) := {
	"packages": [entry | some entry in entries; not entry.fault],
	"faults": [sprintf("malformed_evidence: %v: %v", [document.digest, entry.fault]) | some entry in entries; entry.fault],
} if {
	entries := _entries(document)
}

_entries(document) := _spdx(document.json) if {
	startswith(document.json.spdxVersion, "SPDX-2.")
} else := _cyclonedx(document.json) if {
	document.json.bomFormat == "CycloneDX"
	startswith(document.json.specVersion, "1.")
} else := _tag_value(document.text) if {
	regex.match(`(?m)^SPDXVersion: *SPDX-2\.`, document.text)
} else := [{"fault": "neither SPDX 2.x (JSON, tag-value) nor CycloneDX 1.x (JSON)"}]

# SPDX, JSON

_spdx(content) := [_spdx_package(given, called) | some given in content.packages] if {
	_is_list_of_objects(content.packages)
	count(content.packages) > 0
	called := object.union_n([{info.licenseId: {name: true}} |
		some info in content.hasExtractedLicensingInfos
		some name in [_text(info, "name"), _word(_text(info, "extractedText"))]
	])
} else := [{"fault": "no packages are listed"}]

_spdx_package(given, called) := object.union(_named(_text(given, "name"), "", purl), {
	"version": version,
	"purl": purl,
	"licenses": licenses,
	"license_names": _license_names(licenses, called),
	"is_image": purpose == "CONTAINER",
	"is_place": _is_place(purpose, version, purl),
}) if {
	version := _text(given, "versionInfo")
	purpose := object.get(given, "primaryPackagePurpose", "")
	licenses := _known([_text(given, "licenseConcluded"), _text(given, "licenseDeclared")])
	purl := _first([ref.referenceLocator | some ref in given.externalRefs; ref.referenceType == "purl"])
}

# Licences that are not in SPDX's list have an identifier of the document's own.
_license_names(licenses, called) := [name |
	some license in licenses
	some id in regex.find_n(`LicenseRef-[A-Za-z0-9.-]+`, license, -1)
	some name, _ in called[id]
	not upper(name) in {"", "NONE", "NOASSERTION"}
]

# The text of a licence names others; one word is a name.
_word(text) := trim_space(text) if {
	regex.match(`^\s*\S+\s*$`, text)
} else := ""

# Trivy writes "group:name" for the name of a Maven package.
_named(name, group, purl) := {"group": parts[0], "name": parts[1]} if {
	group == ""
	startswith(purl, "pkg:maven/")
	parts := split(name, ":")
	count(parts) == 2
} else := {"group": group, "name": name}

# Whoever gives a version or a package URL speaks of a package, except of an operating system.
default _is_place(_, _, _) := false

_is_place(purpose, _, _) if purpose in {"CONTAINER", "OPERATING-SYSTEM", "operating-system"}

_is_place(purpose, "", "") if purpose in {"APPLICATION", "application"}

# SPDX, tag-value. A package is what follows its name, up to the next.

_tag_value(text) := [_tagged(part, called) | some part in parts] if {
	lines := split(replace(regex.replace(text, `(?s)<text>.*?</text>`, ""), "\r", ""), "\n")
	parts := _parts(lines, "PackageName")
	count(parts) > 0
	called := object.union_n([{_values(part, "LicenseID")[0]: {name: true}} |
		some part in _parts(lines, "LicenseID")
		some name in _values(part, "LicenseName")
	])
} else := [{"fault": "no packages are listed"}]

# What begins with a tag, up to where the next begins.
_parts(lines, tag) := [array.slice(lines, start, end) |
	starts := [i | some i, line in lines; startswith(line, concat("", [tag, ":"]))]
	some i, start in starts
	end := array.concat(starts, [count(lines)])[i + 1]
]

_tagged(lines, called) := object.union(_named(_first(_values(lines, "PackageName")), "", purl), {
	"version": version,
	"purl": purl,
	"licenses": licenses,
	"license_names": _license_names(licenses, called),
	"is_image": purpose == "CONTAINER",
	"is_place": _is_place(purpose, version, purl),
}) if {
	version := _first(_values(lines, "PackageVersion"))
	purpose := _first(_values(lines, "PrimaryPackagePurpose"))
	licenses := _known(array.concat(_values(lines, "PackageLicenseConcluded"), _values(lines, "PackageLicenseDeclared")))
	purl := _first([locator |
		some value in _values(lines, "ExternalRef")
		["purl", locator] = array.slice(regex.split(`\s+`, value), 1, 3)
	])
}

_values(lines, tag) := [trim_space(substring(line, count(tag) + 1, -1)) |
	some line in lines
	startswith(line, concat("", [tag, ":"]))
]

# The first that says something.
_known(licenses) := array.slice(known, 0, 1) if {
	known := [l | some l in licenses; not upper(l) in {"", "NONE", "NOASSERTION"}]
}

# CycloneDX: components have components.

_cyclonedx(content) := [_component(given) | some given in _components(content)] if {
	_is_list_of_objects(content.components)
	count(content.components) > 0
} else := [{"fault": "no components are listed"}]

_components(content) := array.concat(content.components, [given |
	some root in [content.components, object.get(content, ["metadata", "component"], {})]
	walk(root, [path, value])
	path[count(path) - 1] == "components"
	some given in value
])

_component(given) := object.union(_named(_text(given, "name"), _text(given, "group"), _text(given, "purl")), {
	"version": _text(given, "version"),
	"purl": _text(given, "purl"),
	"licenses": [_license(choice) | some choice in object.get(given, "licenses", [])],
	"license_names": [],
	"is_image": false,
	"is_place": _is_place(object.get(given, "type", ""), _text(given, "version"), _text(given, "purl")),
}) if {
	is_object(given)
	_is_list_of_objects(object.get(given, "licenses", []))
} else := {"fault": "a component, or its licenses, cannot be read"}

_license(choice) := choice.expression if is_string(choice.expression)

else := choice.license.id if is_string(choice.license.id)

else := _text(object.get(choice, "license", {}), "name")

# Reading strangers' JSON

default _text(_, _) := ""

_text(object_, field) := value if {
	value := object.get(object_, field, "")
	is_string(value)
}

default _first(_) := ""

_first(values) := [value | some value in values; is_string(value)][0]

_is_list_of_objects(values) if {
	is_array(values)
	every value in values { is_object(value) }
}
