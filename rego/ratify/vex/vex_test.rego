# SPDX-License-Identifier: Apache-2.0

package ratify.vex_test

import data.ratify.vex

_hex := "4846913a5e19ce7d0e6d4ae31f68e2a8a7f2d9ef5a3b0a3a6a1f4e8f4a3f7b21"

_subject := sprintf("sha256:%s", [_hex])

_now := time.parse_rfc3339_ns("2026-08-22T12:00:00Z")

_document(content) := {"digest": "sha256:v", "subject": _subject, "annotations": {}, "json": content, "text": ""}

_openvex(statements) := {
	"@context": "https://openvex.dev/ns/v0.2.0",
	"@id": "https://openvex.dev/docs/acme/vex-1",
	"author": "Acme Security",
	"timestamp": "2026-08-20T00:00:00Z",
	"version": 1,
	"statements": statements,
}

_purl := "pkg:apk/alpine/busybox@1.36.1-r0?arch=x86_64"

_statement := {
	"vulnerability": {"@id": "https://nvd.example/CVE-2022-48174", "name": "CVE-2022-48174", "aliases": ["GHSA-1"]},
	"products": [{"@id": _purl}],
	"status": "not_affected",
	"justification": "vulnerable_code_not_in_execute_path",
}

_finding := {
	"id": "CVE-2022-48174", "aliases": ["CVE-2022-48174"], "severity": "critical", "package": "busybox",
	"version": "1.36.1-r0", "fixed": "", "purl": sprintf("%s&distro=3.18", [_purl]), "source": "grype",
}

_excused(statements) := _excuses_of(_finding, [_document(_openvex(statements))])

_excuses_of(finding, documents) if {
	vex.excuse(finding, vex.statements(documents)) with time.now_ns as _now
} else := false

_with(changes) := object.union(object.remove(_statement, object.keys(changes)), changes)

test_statement if {
	statement := {
		"products": [{"@id": _purl}], "subject": _subject, "status": "not_affected", "excuses": true,
		"time": time.parse_rfc3339_ns("2026-08-20T00:00:00Z"),
	}
	made := {name: {"0.0": statement} | some name in ["https://nvd.example/cve-2022-48174", "cve-2022-48174", "ghsa-1"]}
	vex.statements([_document(_openvex([_statement]))]) == made
}

test_finding_is_excused if {
	_excused([_statement])
	_excused([_with({"status": "fixed", "justification": ""})])
}

test_other_status_excuses_nothing if {
	every changes in [
		{"status": "affected"}, {"status": "under_investigation"}, {"status": "unheard_of"}, {"status": null},
		{"justification": "because"}, {"justification": null},
	] {
		_excused([_with(changes)]) == false
	}
}

test_not_affected_without_justification_excuses_nothing if {
	_excused([object.remove(_statement, ["justification"])]) == false
	_excused([object.remove(_statement, ["status"])]) == false
}

test_vulnerability_by_any_of_its_names if {
	_excuses_of(object.union(_finding, {"id": "GHSA-1", "aliases": []}), [_document(_openvex([_statement]))])
	_excuses_of(object.union(_finding, {"id": "X", "aliases": ["cve-2022-48174"]}), [_document(_openvex([_statement]))])
	_excused([_with({"vulnerability": "CVE-2022-48174"})])
	_excused([_with({"vulnerability": {"@id": "CVE-2022-48174"}})])
}

test_other_vulnerability if {
	every vulnerability in [{"name": "CVE-2022-4817"}, {"name": ""}, {}, null, "", "CVE-1"] {
		_excused([_with({"vulnerability": vulnerability})]) == false
	}
}

# Products

test_product_is_the_package if {
	exact := "pkg:apk/alpine/busybox@1.36.1-r0"
	every named in [_purl, exact, "pkg:apk/alpine/busybox", sprintf("%s#sub/path", [exact])] {
		_excused([_with({"products": [{"@id": "https://acme.example/x", "identifiers": {"purl": named}}]})])
		_excused([_with({"products": [{"@id": "pkg:apk/alpine/other"}, {"@id": named}]})])
	}
}

test_product_is_another_package if {
	every named in [
		"pkg:apk/alpine/busybox@1.36.1-r1", "pkg:apk/alpine/busybox@1.36.1-r0?arch=aarch64", "pkg:apk/alpine/busybo",
		"pkg:apk/wolfi/busybox", "pkg:deb/alpine/busybox", "apk/alpine/busybox", "busybox", "", 7, null, "pkg:",
	] {
		_excused([_with({"products": [{"@id": named}]})]) == false
	}
	every products in [[null], ["x"], [{}], "x", {}, null] {
		_excused([_with({"products": products})]) == false
	}
}

_image := {"@id": sprintf("pkg:oci/app@sha256%%3A%s?repository_url=registry.example/app", [_hex])}

test_product_is_the_image if {
	_excused([_with({"products": [_image]})])
	_excused([_with({"products": [{"@id": sprintf("pkg:oci/app@sha256:%s", [_hex])}]})])
	_excused([_with({"products": [{"hashes": {"sha-256": _hex}}]})])
	_excused([_with({"products": [object.union(_image, {"subcomponents": [{"@id": _purl}]})]})])
}

# In-toto names the image; the statement need not.
test_product_is_what_the_document_is_attached_to if {
	_excused([_with({"products": []})])
	_excused([object.remove(_statement, ["products"])])
}

test_product_is_another_image if {
	every item in [
		{"@id": "pkg:oci/app"}, {"@id": "pkg:oci/app@sha256:00"}, {"hashes": {"sha-256": "00"}},
		{"hashes": {"sha-512": _hex}}, {"@id": sprintf("pkg:docker/app@sha256:%s", [_hex])},
	] {
		_excused([_with({"products": [item]})]) == false
	}
}

# OpenVEX v0.0.1

test_products_are_texts if {
	_excused([_with({"products": ["pkg:apk/alpine/other", _purl]})])
	_excused([_with({"products": [_image["@id"]]})])
	_excused([_with({"products": [_image["@id"]], "subcomponents": [_purl]})])
	_excused([_with({"products": [], "subcomponents": []})])
}

test_texts_are_other_products if {
	every changes in [
		{"products": ["pkg:apk/alpine/other"]}, {"products": [_purl], "subcomponents": ["pkg:apk/alpine/other"]},
		{"products": [_image["@id"]], "subcomponents": ["pkg:apk/alpine/other"]},
		{"products": [_image["@id"]], "subcomponents": _purl}, {"products": [_image["@id"]], "subcomponents": null},
		{"products": [], "subcomponents": [_purl]}, {"products": [], "subcomponents": "x"},
	] {
		_excused([_with(changes)]) == false
	}
}

test_statement_of_an_earlier_version_takes_back if {
	every changes in [
		{"vulnerability": {"@id": "CVE-2022-48174"}}, {"vulnerability": "CVE-2022-48174", "products": [_purl]},
		{"vulnerability": "CVE-2022-48174", "products": [_image["@id"]], "subcomponents": [_purl]},
	] {
		later := object.union({"timestamp": "2026-08-21T00:00:00Z", "status": "affected"}, changes)
		_excused([_statement, _with(later)]) == false
	}
}

test_component_is_another_package if {
	every components in [[{"@id": "pkg:apk/alpine/openssl"}], [null], [{}], ["x"], "x"] {
		_excused([_with({"products": [object.union(_image, {"subcomponents": components})]})]) == false
		_excused([_with({"products": [{"@id": _purl, "subcomponents": components}]})]) == false
	}
}

test_finding_without_package_url if {
	finding := object.union(_finding, {"purl": ""})
	_excuses_of(finding, [_document(_openvex([_statement]))]) == false
	_excuses_of(finding, [_document(_openvex([_with({"products": [_image]})]))])
}

# Time

_at(time_, changes) := object.union(_with(changes), {"timestamp": time_})

test_later_statement_counts if {
	excuse := _at("2026-08-20T00:00:00Z", {})
	every c in [
		["2026-08-21T00:00:00Z", false], ["2026-08-20T00:00:00Z", false], ["2026-08-19T00:00:00Z", true],
		["2026-08-20T01:00:00+02:00", true], ["never", false], [7, false], ["2030-01-01T00:00:00Z", false],
	] {
		[taken_back, excused] := c
		_excused([excuse, _at(taken_back, {"status": "affected"})]) == excused
		_excused([_at(taken_back, {"status": "under_investigation"}), excuse]) == excused
	}
}

test_excused_again if {
	_excused([
		_at("2026-08-18T00:00:00Z", {}),
		_at("2026-08-19T00:00:00Z", {"status": "affected"}),
		_at("2026-08-20T00:00:00Z", {"status": "fixed"}),
	])
}

test_statement_about_something_else_takes_nothing_back if {
	_excused([_statement, _at("2026-08-21T00:00:00Z", {"status": "affected", "vulnerability": {"name": "CVE-1"}})])
	_excused([_statement, _at("2026-08-21T00:00:00Z", {"status": "affected", "products": [{"@id": "pkg:apk/alpine/x"}]})])
}

test_time_of_the_document if {
	late := object.union(_openvex([_with({"status": "affected"})]), {"timestamp": "2026-08-21T00:00:00Z"})
	_excuses_of(_finding, [_document(_openvex([_statement])), _document(late)]) == false
	_excuses_of(_finding, [_document(_openvex([_at("2026-08-22T00:00:00Z", {})])), _document(late)])
}

test_excuse_without_a_time_that_was_excuses_nothing if {
	every time_ in ["2026-08-22T12:00:01Z", "never", "", 7] {
		_excused([_at(time_, {})]) == false
	}
}

test_excuse_without_a_time_excuses_nothing if {
	_excuses_of(_finding, [_document(object.remove(_openvex([_statement]), ["timestamp"]))]) == false
}

# Documents

test_what_is_no_openvex_has_no_statements if {
	every content in [
		null, {}, {"statements": [_statement]}, object.union(_openvex([_statement]), {"@context": "https://evil.example"}),
		object.union(_openvex([_statement]), {"@context": 7}), _openvex("x"), _openvex([null, 7]),
	] {
		vex.statements([_document(content)]) == {}
	}
}

test_no_statements_excuse_nothing if _excuses_of(_finding, []) == false

# Package URLs

test_same_package if {
	every c in [
		["pkg:npm/%40angular/core@1.0", "pkg:npm/@angular/core@1.0"],
		["pkg:npm/@angular/core", "pkg:npm/%40angular/core@1.0"],
		["pkg:deb/debian/x@1.0%2Bdeb1", "pkg:deb/debian/x@1.0+deb1"],
		["pkg:golang/a/b@v1?type=m&os=l", "pkg:golang/a/b@v1?os=l&type=m"],
		["pkg:golang/a/b", "pkg:golang/a/b@v1#c"],
	] {
		vex.is_same_package(c[0], c[1])
	}
	every c in [
		["pkg:golang/a/b@v1", "pkg:golang/a/b"], ["pkg:npm/core", "pkg:npm/@angular/core"], ["", ""], [null, null],
		["pkg:npm/a@%zz", "pkg:npm/a@%zz"], ["pkg:golang/a/b?type=m", "pkg:golang/a/b"],
	] {
		vex.is_same_package(c[0], c[1]) == false
	}
}
