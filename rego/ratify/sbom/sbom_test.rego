# SPDX-License-Identifier: Apache-2.0

package ratify.sbom_test

import data.ratify.sbom

_content(json_, text) := {"media_type": "m", "json": json_, "text": text}

_artifact(digest, contents) := {
	"artifact_type": "application/spdx+json", "digest": digest, "verdict": "verified", "verified": true,
	"contents": contents, "errors": [],
}

_listing(artifacts) := [{
	"reference": "registry.example/app@sha256:a", "digest": "sha256:a", "errors": [],
	"artifacts": artifacts,
}]

_package(name, version, license) := {
	"name": name, "versionInfo": version, "licenseConcluded": license,
	"externalRefs": [{"referenceType": "purl", "referenceLocator": sprintf("pkg:apk/alpine/%s@%s", [name, version])}],
}

_spdx(packages) := {"spdxVersion": "SPDX-2.3", "packages": packages}

_signed(packages) := _listing([_artifact("sha256:b", [_content(_spdx(packages), "")])])

_decision(answers, settings) := sbom.decision(answers, settings)

# The packages of Ratify's own test
_alpine := [
	_package("libcrypto3", "3.0.7-r2", "Apache-2.0"),
	_package("libc-utils", "0.7.2-r3", "BSD-2-Clause AND LicenseRef-AND AND BSD-3-Clause"),
	_package("zlib", "1.2.13-r0", "Zlib"),
	_package("musl", "1.2.3-r4", "NOASSERTION"),
]

test_verdicts_of_ratifys_sbom_verifier if {
	every c in [
		[{}, []],
		[{"denied_licenses": ["MPL"]}, []],
		[{"denied_packages": [{"name": "libcrypto3"}]}, ["libcrypto3"]],
		[{"denied_packages": [{"name": "libcrypto3", "version": ""}]}, ["libcrypto3"]],
		[{"denied_packages": [{"name": "libcrypto3", "version": "3.0.7-r2"}]}, ["libcrypto3"]],
		[{"denied_packages": [{"name": "libcrypto3", "version": "3.0.7-r3"}]}, []],
		[{"denied_packages": [{"name": "Libcrypto3"}]}, []],
		[{"denied_licenses": ["BSD-3-Clause", "Zlib"]}, ["libc-utils", "zlib"]],
		[{"denied_licenses": ["zlib"]}, ["zlib"]],
		[{"denied_licenses": ["GPL-3.0-only"]}, []],
		[{"denied_licenses": ["Zlib"], "denied_packages": [{"name": "libcrypto3"}]}, ["libcrypto3", "zlib"]],
	] {
		[settings, names] := c
		decision := _decision(_signed(_alpine), settings)
		[p.name | some p in decision.packages] == names
		none := count(names) == 0
		decision.allow == none
		count(decision.reasons) == count(names)
	}
}

test_reasons if {
	every c in [
		["MIT", {"denied_licenses": ["mit"]}, "denied_license: x 1 has MIT, and mit is denied"],
		["MIT", {"allowed_licenses": ["Zlib"]}, "denied_license: x 1 has MIT, which is not allowed"],
		["", {"unknown_license": "deny"}, "unknown_license: the licence of x 1 is not known"],
		["MIT", {"denied_packages": [{"name": "x"}]}, "denied_package: x 1 is denied"],
	] {
		_decision(_signed([_package("x", "1", c[0])]), c[1]).reasons == [c[2]]
	}
}

test_licence_by_the_name_that_the_document_gives_it if {
	content := object.union(
		_spdx([_package("x", "1", "LicenseRef-1")]),
		{"hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-1", "name": "Acme"}]},
	)
	every c in [
		[{"denied_licenses": ["Acme"]}, ["denied_license: x 1 has Acme, and Acme is denied"]],
		[{"denied_licenses": ["Other"]}, []], [{"allowed_licenses": ["LicenseRef-1"]}, []],
		[{"allowed_licenses": ["Acme"]}, ["denied_license: x 1 has LicenseRef-1, which is not allowed"]],
	] {
		_decision(_listing([_artifact("sha256:b", [_content(content, "")])]), c[0]).reasons == c[1]
	}
}

test_not_more_reasons_than_anybody_reads if {
	packages := [_package(sprintf("p%d", [n]), "1", "MIT") | some n in numbers.range(1, 30)]
	decision := _decision(_signed(packages), {"denied_licenses": ["MIT"]})
	count(decision.packages) == 30
	count(decision.reasons) == 21
	decision.reasons[20] == "denied_package: and 10 more"
}

# Licences

test_deny_and_allow_read_an_or_the_other_way_round if {
	either := _signed([_package("x", "1", "MIT OR GPL-3.0-only")])
	_decision(either, {"allowed_licenses": ["MIT"]}).allow
	_decision(either, {"denied_licenses": ["GPL-3.0-only"]}).allow == false
	_decision(either, {"allowed_licenses": ["MIT"], "denied_licenses": ["GPL-3.0-only"]}).allow == false
	both := _signed([_package("x", "1", "MIT AND GPL-3.0-only")])
	_decision(both, {"allowed_licenses": ["MIT"]}).allow == false
	_decision(both, {"allowed_licenses": ["MIT", "GPL-3.0-only"]}).allow
}

test_unknown_licence if {
	every license in ["NOASSERTION", "NONE", "", null] {
		signed := _signed([_package("x", "1", license)])
		every c in [
			[{}, true], [{"denied_licenses": ["MIT"]}, true], [{"allowed_licenses": ["MIT"]}, false],
			[{"allowed_licenses": ["MIT"], "unknown_license": "allow"}, true], [{"unknown_license": "deny"}, false],
			[{"allowed_licenses": ["MIT"], "unknown_license": "deny"}, false], [{"unknown_license": "allow"}, true],
		] {
			_decision(signed, c[0]).allow == c[1]
		}
	}
}

_cyclonedx(licenses) := _listing([_artifact("sha256:b", [_content(
	{
		"bomFormat": "CycloneDX", "specVersion": "1.6",
		"components": [{"type": "library", "group": "g", "name": "x", "version": "1.2.3", "licenses": licenses}],
	},
	"",
)])])

test_all_licences_of_a_component_hold if {
	mit := {"license": {"id": "MIT"}}
	every c in [
		[[mit], true], [[mit, {"license": {"id": "Zlib"}}], false], [[mit, {"license": {}}], false], [[], false],
		[[{"expression": "MIT OR Zlib"}], true], [[{"license": {"name": "Acme Licence"}}], true],
		[[{"license": {"name": "Other Licence"}}], false], [[{"license": {"name": "NOASSERTION"}}], false],
	] {
		_decision(_cyclonedx(c[0]), {"allowed_licenses": ["MIT", "Acme Licence"]}).allow == c[1]
	}
}

# As Ratify's licensechecker would have it.
test_unknown_licence_that_is_allowed_by_name if {
	_decision(_cyclonedx([{"license": {"name": "NOASSERTION"}}]), {"allowed_licenses": ["NOASSERTION"]}).allow
}

test_image_itself_has_no_licence if {
	image := object.union(_package("app", "sha256:a", "NOASSERTION"), {"primaryPackagePurpose": "CONTAINER"})
	_decision(_signed([image]), {"allowed_licenses": ["MIT"]}).allow
	gpl := object.union(image, {"licenseConcluded": "GPL-3.0-only"})
	_decision(_signed([gpl]), {"allowed_licenses": ["MIT"]}).allow == false
}

# As Trivy writes what packages are in: it gives no licence.
test_what_packages_are_in_needs_no_licence if {
	zlib := _package("zlib", "1", "Zlib")
	os := {"name": "ubuntu", "versionInfo": "22.04", "primaryPackagePurpose": "OPERATING-SYSTEM"}
	jar := {"name": "jar", "primaryPackagePurpose": "APPLICATION"}
	every c in [
		[os, {}, []], [jar, {}, []],
		[object.union(jar, {"versionInfo": "1"}), {}, ["unknown_license: the licence of jar 1 is not known"]],
		[object.union(jar, {"licenseDeclared": "MIT"}), {}, ["denied_license: jar has MIT, which is not allowed"]],
		[object.union(os, {"licenseDeclared": "MIT"}), {"denied_licenses": ["MIT"]}, [
			"denied_license: ubuntu 22.04 has MIT, and MIT is denied",
			"denied_license: ubuntu 22.04 has MIT, which is not allowed",
		]],
		[os, {"denied_packages": [{"name": "ubuntu"}]}, ["denied_package: ubuntu 22.04 is denied"]],
		[jar, {"denied_packages": [{"name": "jar"}]}, ["denied_package: jar is denied"]],
	] {
		_decision(_signed([c[0], zlib]), object.union({"allowed_licenses": ["Zlib"]}, c[1])).reasons == c[2]
	}
}

# Packages

test_denied_by_package_url if {
	every c in [
		[{"purl": "pkg:apk/alpine/zlib"}, false], [{"purl": "pkg:apk/alpine/zlib@1.2.13-r0"}, false],
		[{"purl": "pkg:apk/alpine/zlib@1.2.12-r0"}, true], [{"purl": "pkg:apk/alpine/zli"}, true],
		[{"purl": "pkg:apk/alpine/zlib", "version": "1.2.13-r0"}, false],
		[{"purl": "pkg:apk/alpine/zlib", "version": "1"}, true],
		[{"purl": "pkg:apk/alpine/zlib", "name": "other"}, false], [{"purl": "pkg:apk/other/zlib", "name": "zlib"}, true],
	] {
		_decision(_signed(_alpine), {"denied_packages": [c[0]]}).allow == c[1]
	}
}

test_denied_by_group_and_name if {
	every name in ["x", "g/x", "g:x"] {
		_decision(_cyclonedx([]), {"denied_packages": [{"name": name}]}).reasons == ["denied_package: g/x 1.2.3 is denied"]
	}
	every name in ["g", "gx", "/x", "h/x"] {
		_decision(_cyclonedx([]), {"denied_packages": [{"name": name}]}).allow
	}
}

test_denied_below_a_version if {
	every c in [
		["1.2.2", false], ["1.2.3", true], ["v1.2.2", false], ["v1.2.3", true], ["1.2.10", true], ["1.2.3-rc1", false],
		["2.0.0", true], ["1.2", false], ["1.2.3-r0", false], ["", false], ["latest", false],
	] {
		signed := _signed([_package("x", c[0], "MIT")])
		_decision(signed, {"denied_packages": [{"name": "x", "below": "1.2.3"}]}).allow == c[1]
		_decision(signed, {"denied_packages": [{"name": "y", "below": "1.2.3"}]}).allow
	}
}

# Evidence

test_text_of_a_bill if {
	text := "SPDXVersion: SPDX-2.3\nPackageName: x\nPackageVersion: 1\nPackageLicenseConcluded: GPL-3.0-only"
	answers := _listing([_artifact("sha256:b", [_content(null, text)])])
	_decision(answers, {"denied_licenses": ["GPL-3.0-only"]}).allow == false
	_decision(answers, {"denied_licenses": ["MIT"]}).allow
}

test_attested_bill if {
	answers := [{
		"reference": "r", "digest": "sha256:a", "verdict": "verified", "errors": [],
		"attestations": [{"verified": true, "digest": "sha256:b", "statement": {
			"predicateType": "https://spdx.dev/Document",
			"predicate": _spdx(_alpine),
		}}],
	}]
	_decision(answers, {"denied_licenses": ["zlib"]}).allow == false
	_decision(answers, {"denied_licenses": ["MIT"]}).allow
}

test_every_signed_bill_must_hold if {
	good := _artifact("sha256:b", [_content(_spdx([_package("x", "1", "MIT")]), "")])
	bad := _artifact("sha256:c", [_content(_spdx([_package("y", "1", "GPL-3.0-only")]), "")])
	broken := _artifact("sha256:d", [_content({}, "")])
	settings := {"denied_licenses": ["GPL-3.0-only"]}
	_decision(_listing([good]), settings).allow
	_decision(_listing([good, bad]), settings).allow == false
	_decision(_listing([good, broken]), settings).allow == false
	_decision(_listing([_artifact("sha256:e", [good.contents[0], bad.contents[0]])]), settings).allow == false
}

test_bill_that_is_not_signed_denies if {
	shown := object.union(_signed(_alpine)[0].artifacts[0], {"verified": false, "verdict": "rejected"})
	every answers in [_listing([shown]), _listing([]), [], null, [{}], "x"] {
		decision := _decision(answers, {})
		decision.allow == false
		count(decision.reasons) > 0
		decision.packages == []
	}
}

test_settings_with_a_mistake_deny if {
	every settings in [
		null, {"disallowedLicenses": ["MIT"]}, {"denied_licenses": "MIT"}, {"denied_licenses": []}, {"allowed_licenses": [7]},
		{"unknown_license": "maybe"}, {"denied_packages": ["x"]}, {"denied_packages": [{}]},
		{"denied_packages": [{"version": "1"}]},
		{"denied_packages": [{"name": "x", "version": 1}]}, {"denied_packages": [{"name": ""}]},
		{"denied_packages": [{"name": "x", "above": "1.0.0"}]}, {"denied_packages": [{"name": "x", "below": "1.0"}]},
		{"denied_packages": [{"name": "x", "below": "1.0.0", "version": "1"}]}, {"denied_packages": [{"purl": "x"}]},
		{"denied_packages": 7}, {"unknown_license": 7},
	] {
		decision := _decision(_signed([_package("z", "1", "MIT")]), settings)
		decision.allow == false
		startswith(decision.reasons[0], "invalid_settings: ")
	}
}
