# SPDX-License-Identifier: Apache-2.0

package ratify.license_test

import data.ratify.license

test_unknown if {
	license.is_unknown("MIT") == false
	license.is_unknown("LicenseRef-none") == false
	every expression in ["", " ", "NOASSERTION", "none", "NoAssertion", null, 7, []] {
		license.is_unknown(expression)
	}
}

_allowed := [
	"MIT", "Apache-2.0", "BSD-3-Clause", "GPL-2.0-or-later",
	"LicenseRef-acme", "Acme Proprietary Licence, 2.0",
]

test_allowed if {
	every expression in [
		"MIT", "mit", " MIT ", "(MIT)", "((MIT))", "MIT AND Apache-2.0", "MIT and Apache-2.0", "MIT OR GPL-3.0-only",
		"GPL-3.0-only OR MIT", "(GPL-3.0-only OR MIT) AND Apache-2.0", "GPL-3.0-only AND Zlib OR MIT",
		"MIT OR GPL-3.0-only AND Zlib", "MIT AND (Zlib OR (GPL-3.0-only OR Apache-2.0))", "MIT AND(Apache-2.0)",
		"Zlib AND GPL-3.0-only OR Zlib OR MIT AND Apache-2.0 AND BSD-3-Clause", "GPL-2.0+",
		"Apache-2.0 WITH LLVM-exception",
		"GPL-2.0-or-later WITH Classpath-exception-2.0", "LicenseRef-acme", "acme proprietary licence, 2.0",
		"((((((((MIT))))))))", "MIT\tOR\nZlib", "(MIT OR Zlib) AND (Zlib OR MIT)", "Zlib AND (MIT OR Apache-2.0) OR MIT",
	] {
		license.is_allowed(expression, _allowed)
	}
}

test_not_allowed if {
	every expression in [
		"Zlib", "MIT-0", "MI", "MIT AND Zlib", "Zlib AND MIT", "(MIT OR Zlib) AND GPL-3.0-only", "Zlib OR GPL-3.0-only",
		"MIT AND (Zlib OR GPL-3.0-only)", "Apache-2.0+", "GPL-2.0", "GPL-2.0-only", "LLVM-exception", "Zlib WITH MIT",
		"MIT AND GPL-3.0-only AND Apache-2.0", "(Zlib OR MIT) AND (Zlib OR GPL-3.0-only)", "MIT AND MIT AND Zlib OR Zlib",
		"DocumentRef-x:LicenseRef-acme", "NOASSERTION",
	] {
		license.is_allowed(expression, _allowed) == false
	}
}

test_what_is_no_expression_is_not_allowed if {
	every expression in [
		"", "MIT Apache-2.0", "MIT AND", "AND MIT", "OR", "MIT OR", "(MIT", "MIT)", "()", "MIT OR OR MIT", "MIT AND OR MIT",
		"(MIT) (MIT)", "MIT, Apache-2.0", "MIT/Apache-2.0", "MIT WITH", "WITH MIT", "MIT WITH x WITH y", "T", "F", "T&T",
		"MIT & MIT", "?", "MIT ?", "(MIT OR) Zlib", "((((((((((MIT))))))))))", null, 7, ["MIT"],
	] {
		license.is_allowed(expression, _allowed) == false
	}
}

test_nothing_is_allowed_by_an_empty_list if license.is_allowed("MIT", []) == false

test_exception_that_is_allowed_by_name if {
	license.is_allowed("GPL-2.0-only WITH Classpath-exception-2.0", ["gpl-2.0-only with classpath-exception-2.0"])
	license.is_allowed("MIT AND GPL-2.0 WITH x", ["MIT", "GPL-2.0-only WITH x"]) == false
	license.is_allowed("GPL-2.0-only", ["GPL-2.0-only WITH x"]) == false
}

test_new_names_of_old_licences if {
	every c in [
		["GPL-2.0", "GPL-2.0-only"], ["LGPL-2.1+", "LGPL-2.1-or-later"], ["AGPL-3.0", "AGPL-3.0-only"],
		["GFDL-1.3+", "GFDL-1.3-or-later"],
	] {
		license.is_allowed(c[0], [c[1]])
		license.is_allowed(c[1], [c[0]])
		license.denied(c[0], [c[1]]) == {c[1]}
		license.denied(c[1], [c[0]]) == {c[0]}
	}
}

# Words, as Ratify's verifier has them

test_denied if {
	every c in [
		["MIT", "MIT"], ["MIT", "mit"], ["MIT OR GPL-3.0-only", "GPL-3.0-only"], ["(GPL-3.0-only)", "GPL-3.0-only"],
		["MIT AND (Zlib OR GPL-3.0-only)", "gpl-3.0-only"],
		["BSD-2-Clause AND LicenseRef-AND AND BSD-3-Clause", "BSD-3-Clause"],
		["GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only"],
		["GPL-2.0-only WITH Classpath-exception-2.0", "Classpath-exception-2.0"],
		["MIT AND GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"],
		["GPLv2 or later, see COPYING", "GPLv2"], ["Acme Proprietary", "acme proprietary"],
	] {
		license.denied(c[0], [c[1], "Other"]) == {c[1]}
	}
}

test_denied_where_ratify_sees_nothing if {
	every c in [["GPL-2.0+", "GPL-2.0"], ["Apache-2.0+", "Apache-2.0"], ["MIT,GPL-3.0-only", "MIT"], ["MIT/X11", "X11"]] {
		license.denied(c[0], [c[1]]) == {c[1]}
	}
}

test_not_denied if {
	every c in [
		["MIT-0", "MIT"], ["MIT", "MIT-0"], ["LGPL-3.0-only", "GPL-3.0-only"], ["MPL-2.0", "MPL"],
		["GPL-2.0-or-later", "GPL-2.0"],
		["NOASSERTION", "MIT"], ["", "MIT"], ["Apache Proprietary", "Acme Proprietary"], ["MIT", "and"],
	] {
		license.denied(c[0], [c[1]]) == set()
	}
}
