# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Software bills of materials
# description: |
#   Decides about an image by what it is made of. Only signed bills count: SPDX 2.x (JSON,
#   tag-value) and CycloneDX 1.x (JSON), as artifacts or in attestations. An image without
#   one is denied, and every signed one must hold.
#
#   The verdicts are those of Ratify's `sbom` verifier with `denied_licenses` and
#   `denied_packages` (its `disallowedLicenses`, `disallowedPackages`), and stricter where
#   that one reads less: the declared licence counts where none was concluded, `GPL-2.0`
#   is found in `GPL-2.0+` and under its newer name, all blobs count and not the first
#   alone, a bill without packages denies. Those of its `licensechecker` with
#   `allowed_licenses`, which compares expressions as text: here `MIT AND Zlib` is
#   allowed if both are.
# related_resources:
#   - ref: https://github.com/notaryproject/ratify/tree/v1.4.0/plugins/verifier/sbom
#     description: Ratify v1.4, sbom verifier
#   - ref: https://github.com/notaryproject/ratify/tree/v1.4.0/plugins/verifier/licensechecker
#     description: Ratify v1.4, licensechecker verifier
package ratify.sbom

import data.ratify.evidence
import data.ratify.license
import data.ratify.sbom_document
import data.ratify.settings as kinds
import data.ratify.vex

# METADATA
# title: The decision about what an image is made of
# description: |
#   Given answers of `ratify.artifacts` and `ratify.attestations` about bills of materials,
#   and settings, an object: "allow" (boolean), "reasons" (array of lines, empty if
#   allowed) and "packages" (those that stand against the image, as
#   `data.ratify.sbom_document` reads them). The settings are an object, each key may be
#   left out:
#
#   - "denied_licenses": a package whose licence mentions one of these denies;
#   - "allowed_licenses": a package that cannot be kept with these denies;
#   - "unknown_license": "allow" or "deny" packages whose licence is not known (default:
#     "deny" with "allowed_licenses", else "allow"). What packages are in is never denied
#     for this: the image itself, the operating system, an application that has neither
#     version nor package URL;
#   - "denied_packages": a list of {"name", "version", "below", "purl"}, of which "name" or
#     "purl" is required: packages of that name (`log4j-core`, `group/log4j-core`) or
#     package URL (`pkg:maven/org.apache.logging.log4j/log4j-core`, any version of it), of
#     that version, or of a semantic version below that one. A version that cannot be
#     compared is taken to be below.
decision(answers, settings) := {"allow": false, "reasons": faults, "packages": []} if {
	faults := array.flatten([
		kinds.faults(settings, _kinds),
		_choice_faults(settings),
		_package_faults(settings),
		evidence.faults(answers),
	])
	count(faults) > 0
} else := {
	"allow": count(lines) == 0,
	"reasons": lines,
	"packages": [given | some [given, _] in judged],
} if {
	bills := [sbom_document.read(document) | some document in evidence.documents(answers)]
	judged := [[given, against] |
		some bill in bills
		some given in bill.packages
		against := _reasons(given, settings)
		count(against) > 0
	]
	lines := array.concat(
		[fault | some bill in bills; some fault in bill.faults],
		_first([line | some [_, against] in judged; some line in against]),
	)
}

_kinds := {
	"denied_licenses": "strings",
	"allowed_licenses": "strings",
	"unknown_license": "string",
	"denied_packages": "objects",
}

_choice_faults(settings) := ["invalid_settings: unknown_license must be allow or deny" |
	not object.get(settings, "unknown_license", "deny") in {"allow", "deny"}
]

_package_faults(settings) := [sprintf("invalid_settings: denied_packages[%v] %v", [i, fault]) |
	some i, denied in object.get(settings, "denied_packages", [])
	some fault in _entry_faults(denied)
]

_entry_faults(denied) := ["must have name or purl, and may have version or below (a semantic version)"] if {
	not _is_entry(denied)
} else := []

_is_entry(denied) if {
	keys := object.keys(denied)
	count(keys - {"name", "version", "below", "purl"}) == 0
	count(keys & {"name", "purl"}) > 0
	count(keys & {"version", "below"}) < 2
	object.get(denied, "name", "x") != ""
	startswith(object.get(denied, "purl", "pkg:"), "pkg:")
	semver.is_valid(object.get(denied, "below", "0.0.0"))
	every value in denied { is_string(value) }
}

# Not more than anybody reads.
_first(lines) := array.concat(array.slice(lines, 0, 20), [sprintf("denied_package: and %d more", [rest]) |
	rest := count(lines) - 20
	rest > 0
])

_reasons(given, settings) := array.flatten([
	_denied_licenses(given, object.get(settings, "denied_licenses", [])),
	_not_allowed(given, object.get(settings, "allowed_licenses", [])),
	_unknown(given, settings),
	_denied_packages(given, object.get(settings, "denied_packages", [])),
])

_denied_licenses(given, entries) := [line |
	some found in array.concat(given.licenses, given.license_names)
	some entry in license.denied(found, entries)
	line := sprintf("denied_license: %s has %v, and %v is denied", [_called(given), found, entry])
]

_not_allowed(given, allowed) := [sprintf("denied_license: %s has %v, which is not allowed", [_called(given), found]) |
	count(allowed) > 0
	some found in given.licenses
	not _is_unknown(found, allowed)
	not license.is_allowed(found, allowed)
]

_unknown(given, settings) := [sprintf("unknown_license: the licence of %s is not known", [_called(given)]) |
	not given.is_place
	object.get(settings, "unknown_license", _by_default(settings)) == "deny"
	_says_nothing(given.licenses, object.get(settings, "allowed_licenses", []))
]

_by_default(settings) := "deny" if settings.allowed_licenses

else := "allow"

_says_nothing(licenses, _) if count(licenses) == 0

_says_nothing(licenses, allowed) if {
	some found in licenses
	_is_unknown(found, allowed)
}

# Who allows NOASSERTION by name knows what it means.
_is_unknown(found, allowed) if {
	license.is_unknown(found)
	not license.is_allowed(found, allowed)
}

_denied_packages(given, entries) := [sprintf("denied_package: %s is denied", [_called(given)]) |
	some denied in entries
	_is_named(given, denied)
	_is_version(given.version, denied)
]

_is_named(given, denied) if {
	denied.name in {given.name, concat("/", [given.group, given.name]), concat(":", [given.group, given.name])}
	not "purl" in object.keys(denied)
}

_is_named(given, denied) if vex.is_same_package(denied.purl, given.purl)

# Ratify: an empty version is any.
_is_version(version, denied) if {
	not "below" in object.keys(denied)
	object.get(denied, "version", "") in {"", version}
}

_is_version(version, denied) if {
	below := denied.below
	not _is_at_least(version, below)
}

_is_at_least(version, below) if semver.compare(trim_prefix(version, "v"), below) >= 0

_called(given) := trim_space(sprintf("%v %v", [name, given.version])) if {
	name := trim_prefix(concat("/", [given.group, given.name]), "/")
}
