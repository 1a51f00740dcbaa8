# SPDX-License-Identifier: Apache-2.0

package ratify.sbom_document_test

import data.ratify.sbom_document

_read(content, text) := sbom_document.read({
	"type": "t", "media_type": "t", "digest": "sha256:b",
	"json": content, "text": text,
})

_faults(content, text) := faults if {
	bill := _read(content, text)
	bill.packages == []
	faults := bill.faults
}

# SPDX as Syft writes it, shortened

_spdx := {
	"spdxVersion": "SPDX-2.3",
	"dataLicense": "CC0-1.0",
	"SPDXID": "SPDXRef-DOCUMENT",
	"name": "registry.example/app",
	"documentNamespace": "https://anchore.example/syft/image/app-1",
	"creationInfo": {"created": "2026-08-20T00:00:00Z", "creators": ["Tool: syft-1.40.0"], "licenseListVersion": "3.28"},
	"packages": [
		{
			"name": "busybox",
			"SPDXID": "SPDXRef-Package-apk-busybox-1",
			"versionInfo": "1.36.1-r0",
			"downloadLocation": "NOASSERTION",
			"licenseConcluded": "NOASSERTION",
			"licenseDeclared": "GPL-2.0-only",
			"copyrightText": "NOASSERTION",
			"externalRefs": [
				{
					"referenceCategory": "SECURITY", "referenceType": "cpe23Type",
					"referenceLocator": "cpe:2.3:a:busybox:busybox:1.36.1-r0:*:*:*:*:*:*:*",
				},
				{
					"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
					"referenceLocator": "pkg:apk/alpine/busybox@1.36.1-r0?arch=x86_64",
				},
			],
		},
		{"name": "zlib", "SPDXID": "SPDXRef-2", "licenseConcluded": "Zlib", "licenseDeclared": "GPL-3.0-only"},
		{
			"name": "registry.example/app", "SPDXID": "SPDXRef-DocumentRoot-Image-app", "versionInfo": "sha256:a",
			"licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "primaryPackagePurpose": "CONTAINER",
		},
	],
	"relationships": [],
}

test_spdx if {
	_read(_spdx, "") == {"faults": [], "packages": [
		{
			"name": "busybox", "group": "", "version": "1.36.1-r0", "purl": "pkg:apk/alpine/busybox@1.36.1-r0?arch=x86_64",
			"licenses": ["GPL-2.0-only"], "license_names": [], "is_image": false, "is_place": false,
		},
		{
			"name": "zlib", "group": "", "version": "", "purl": "",
			"licenses": ["Zlib"], "license_names": [], "is_image": false, "is_place": false,
		},
		{
			"name": "registry.example/app", "group": "", "version": "sha256:a", "purl": "",
			"licenses": [], "license_names": [], "is_image": true, "is_place": true,
		},
	]}
}

test_licence_of_an_spdx_package if {
	every c in [
		["MIT", "Zlib", ["MIT"]], ["NOASSERTION", "Zlib", ["Zlib"]], ["none", "Zlib", ["Zlib"]], ["", "Zlib", ["Zlib"]],
		[7, "Zlib", ["Zlib"]], ["NOASSERTION", "NONE", []], [null, null, []],
	] {
		content := object.union(_spdx, {"packages": [{"licenseConcluded": c[0], "licenseDeclared": c[1]}]})
		[p.licenses | some p in _read(content, "").packages] == [c[2]]
	}
}

# What packages are in, as Trivy writes it

test_places if {
	every c in [
		["OPERATING-SYSTEM", "22.04", "", true], ["OPERATING-SYSTEM", "", "", true], ["APPLICATION", "", "", true],
		["APPLICATION", "1", "", false], ["APPLICATION", "", "pkg:npm/x", false], ["CONTAINER", "1", "pkg:oci/x", true],
		["LIBRARY", "", "", false], ["FILE", "", "", false], ["", "", "", false],
	] {
		[purpose, version, purl, want] := c
		refs := [{"referenceType": "purl", "referenceLocator": purl} | purl != ""]
		tagged := concat("\n", array.flatten([
			"SPDXVersion: SPDX-2.3", "PackageName: x", concat("", ["PrimaryPackagePurpose: ", purpose]),
			[concat("", ["PackageVersion: ", version]) | version != ""],
			[concat("", ["ExternalRef: PACKAGE-MANAGER purl ", purl]) | purl != ""],
		]))
		given := {"name": "x", "versionInfo": version, "primaryPackagePurpose": purpose, "externalRefs": refs}
		every bill in [_read(object.union(_spdx, {"packages": [given]}), ""), _read(null, tagged)] {
			[p.is_place | some p in bill.packages] == [want]
		}
	}
	every purpose in [null, 7, ["APPLICATION"], {}, "application ", "container"] {
		content := object.union(_spdx, {"packages": [{"name": "x", "primaryPackagePurpose": purpose}]})
		[p.is_place | some p in _read(content, "").packages] == [false]
	}
}

test_places_of_cyclonedx if {
	every c in [
		[{"type": "operating-system", "version": "22.04"}, true], [{"type": "operating-system"}, true],
		[{"type": "application"}, true], [{"type": "application", "version": "1"}, false],
		[{"type": "application", "purl": "pkg:npm/x"}, false], [{"type": "library"}, false], [{"type": "container"}, false],
		[{"type": ["application"]}, false], [{"type": null}, false], [{}, false],
	] {
		content := {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [object.union({"name": "x"}, c[0])]}
		[p.is_place | some p in _read(content, "").packages] == [c[1]]
	}
}

# As Trivy writes Maven packages

test_name_holds_the_group if {
	purl := "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0"
	every c in [
		["org.apache.logging.log4j:log4j-core", purl, ["org.apache.logging.log4j", "log4j-core"]],
		["log4j-core", purl, ["", "log4j-core"]], ["a:b:c", purl, ["", "a:b:c"]],
		["a:b", "pkg:generic/a%3Ab", ["", "a:b"]], ["a:b", "", ["", "a:b"]],
	] {
		refs := [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": c[1]}]
		tagged := sprintf("SPDXVersion: SPDX-2.3\nPackageName: %s\nExternalRef: PACKAGE-MANAGER purl %s", [c[0], c[1]])
		every bill in [
			_read(object.union(_spdx, {"packages": [{"name": c[0], "externalRefs": refs}]}), ""),
			_read(null, tagged),
			_read({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": c[0], "purl": c[1]}]}, ""),
		] {
			[[p.group, p.name] | some p in bill.packages] == [c[2]]
		}
	}
}

# The licences of a document's own

test_license_names if {
	infos := [
		{"licenseId": "LicenseRef-1", "name": "Acme Proprietary", "extractedText": "All of it is licensed under \"MIT\""},
		{"licenseId": "LicenseRef-2", "extractedText": "GPL-2.0\n"},
		{"licenseId": "LicenseRef-2", "name": "NOASSERTION", "extractedText": "a text that mentions GPL-2.0"},
		{"licenseId": "LicenseRef-3", "name": 7, "extractedText": null}, {"name": "X"}, 7, null,
	]
	every c in [
		["LicenseRef-1", ["Acme Proprietary"]], ["MIT AND (LicenseRef-1 OR LicenseRef-2)", ["Acme Proprietary", "GPL-2.0"]],
		["LicenseRef-12", []], ["LicenseRef-3", []], ["MIT", []],
	] {
		content := object.union(_spdx, {"packages": [{"licenseDeclared": c[0]}], "hasExtractedLicensingInfos": infos})
		[[p.licenses, p.license_names] | some p in _read(content, "").packages] == [[[c[0]], c[1]]]
	}
	every given in [null, "x", {}] {
		packages := [{"licenseDeclared": "LicenseRef-1"}]
		content := object.union(_spdx, {"packages": packages, "hasExtractedLicensingInfos": given})
		[p.license_names | some p in _read(content, "").packages] == [[]]
	}
}

test_license_names_of_tag_value if {
	text := concat("\n", [
		"SPDXVersion: SPDX-2.3", "PackageName: x", "PackageLicenseConcluded: LicenseRef-1",
		"LicenseID: LicenseRef-1", "ExtractedText: <text>LicenseID: LicenseRef-2", "</text>", "LicenseName: Acme",
		"LicenseID: LicenseRef-2", "LicenseName: Other",
	])
	[p.license_names | some p in _read(null, text).packages] == [["Acme"]]
}

test_spdx_at_fault if {
	every packages in [null, {}, [], "x", [null], [{}, 7]] {
		_faults(object.union(_spdx, {"packages": packages}), "") == ["malformed_evidence: sha256:b: no packages are listed"]
	}
}

# SPDX, tag-value

_tag_value := concat("\n", [
	"SPDXVersion: SPDX-2.3",
	"DataLicense: CC0-1.0",
	"SPDXID: SPDXRef-DOCUMENT",
	"DocumentComment: <text>not a package:",
	"PackageName: in-a-comment",
	"</text>",
	"Creator: Tool: syft-1.40.0",
	"",
	"##### Package: busybox",
	"",
	"PackageName: busybox",
	"SPDXID: SPDXRef-Package-apk-busybox-1",
	"PackageVersion: 1.36.1-r0\r",
	"PackageLicenseConcluded: NOASSERTION",
	"PackageLicenseDeclared: GPL-2.0-only",
	"ExternalRef: SECURITY cpe23Type cpe:2.3:a:busybox:busybox:1.36.1-r0:*:*:*:*:*:*:*",
	"ExternalRef: PACKAGE-MANAGER purl pkg:apk/alpine/busybox@1.36.1-r0",
	"",
	"PackageName: zlib",
	"PackageLicenseConcluded: Zlib AND MIT",
	"PackageName: registry.example/app",
	"PrimaryPackagePurpose: CONTAINER",
	"Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-Package-apk-busybox-1",
])

test_tag_value if {
	_read(null, _tag_value) == {"faults": [], "packages": [
		{
			"name": "busybox", "group": "", "version": "1.36.1-r0", "purl": "pkg:apk/alpine/busybox@1.36.1-r0",
			"licenses": ["GPL-2.0-only"], "license_names": [], "is_image": false, "is_place": false,
		},
		{
			"name": "zlib", "group": "", "version": "", "purl": "",
			"licenses": ["Zlib AND MIT"], "license_names": [], "is_image": false, "is_place": false,
		},
		{
			"name": "registry.example/app", "group": "", "version": "", "purl": "",
			"licenses": [], "license_names": [], "is_image": true, "is_place": true,
		},
	]}
}

test_tag_value_at_fault if {
	_faults(null, "SPDXVersion: SPDX-2.3\nFileName: x") == ["malformed_evidence: sha256:b: no packages are listed"]
}

# CycloneDX as Trivy writes it, shortened

_cyclonedx := {
	"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
	"bomFormat": "CycloneDX",
	"specVersion": "1.6",
	"version": 1,
	"metadata": {
		"tools": {"components": [{"type": "application", "name": "trivy", "licenses": [{"license": {"id": "X"}}]}]},
		"component": {"type": "container", "name": "registry.example/app:v1", "components": [{"type": "file", "name": "m"}]},
	},
	"components": [
		{
			"type": "library", "group": "org.apache.logging.log4j", "name": "log4j-core", "version": "2.14.0",
			"purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0",
			"licenses": [
				{"license": {"id": "Apache-2.0"}}, {"license": {"name": "Acme"}}, {"expression": "MIT OR Zlib"},
				{"license": {}}, {},
			],
			"components": [{"type": "library", "name": "inner", "components": [{"type": "library", "name": "innermost"}]}],
		},
		{"type": "operating-system", "name": "alpine", "version": "3.18"},
	],
}

test_cyclonedx if {
	bill := _read(_cyclonedx, "")
	bill.faults == []
	[p.name | some p in bill.packages] == ["log4j-core", "alpine", "inner", "innermost", "m"]
	bill.packages[0] == {
		"name": "log4j-core", "group": "org.apache.logging.log4j", "version": "2.14.0",
		"purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.0",
		"licenses": ["Apache-2.0", "Acme", "MIT OR Zlib", "", ""], "license_names": [], "is_image": false, "is_place": false,
	}
	bill.packages[1].licenses == []
}

test_cyclonedx_at_fault if {
	every components in [null, [], {}, "x", [7]] {
		content := object.union(object.remove(_cyclonedx, ["components"]), {"components": components})
		_faults(content, "") == ["malformed_evidence: sha256:b: no components are listed"]
	}
	line := "malformed_evidence: sha256:b: a component, or its licenses, cannot be read"
	every component in [{"licenses": "MIT"}, {"licenses": ["MIT"]}, {"licenses": null}] {
		_faults({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [component]}, "") == [line]
	}
}

test_component_within_at_fault if {
	content := {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "x", "components": ["y"]}]}
	count(_read(content, "").faults) == 1
}

test_what_is_no_bill_is_at_fault if {
	line := "malformed_evidence: sha256:b: neither SPDX 2.x (JSON, tag-value) nor CycloneDX 1.x (JSON)"
	every c in [
		[null, ""], [{}, ""], [null, "SPDXVersion: SPDX-3.0\nPackageName: x"],
		[object.union(_spdx, {"spdxVersion": "SPDX-3.0"}), ""], [object.union(_spdx, {"spdxVersion": null}), ""],
		[object.remove(_spdx, ["spdxVersion"]), ""],
		[object.union(_cyclonedx, {"specVersion": "2.0"}), ""], [object.remove(_cyclonedx, ["specVersion"]), ""],
		[{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}, ""], [null, "x\n  SPDXVersion: SPDX-2.3"],
	] {
		_faults(c[0], c[1]) == [line]
	}
}
