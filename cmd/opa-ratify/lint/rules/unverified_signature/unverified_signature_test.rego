# SPDX-License-Identifier: Apache-2.0
package lint.rules.unverified_signature_test

import data.lint.rules.unverified_signature
import data.lint.sample_test

_bad := [
	[`allow if { some s in report.signatures; s.signer.subject == "x" }`],
	[`allow if { s := report.signatures[_]; s.signer.subject == "x" }`],
	[`allow if { every s in report.signatures { s.signer.subject == "x" } }`],
	[`allow if report.signatures[_].format == "cosign"`],
	[`allow if count(report.signatures) > 0`],
	[`allow if { list := report.signatures; list[_].signer.subject == "x" }`],
	[`allow if _ok`, `_ok if report.attestations[0].signer.subject == "x"`],
	[`by_release if report.signatures[_].signer.subject == "x"`],
]

_good := [
	[`allow if { list := report.signatures; list[i].verified; list[i].signer.subject == "x" }`],
	[`allow if { f(input.x).signatures[i].verified; f(input.x).signatures[i].signer.subject == "x" }`],
	[`allow if { some s in report.signatures; s.verified; s.signer.subject == "x" }`],
	[`allow if { report.signatures[i].verified; report.signatures[i].signer.subject == "x" }`],
	[`allow if report.verified`, `note if report.signatures[_].signer.subject == "x"`],
	[`deny if { some s in report.signatures; s.signer.subject == "evil" }`],
	[`allow if { some a in report.attestations; a.statement.subject }`],
]

test_bad_is_found if {
	every sample in _bad {
		found := unverified_signature.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := unverified_signature.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
