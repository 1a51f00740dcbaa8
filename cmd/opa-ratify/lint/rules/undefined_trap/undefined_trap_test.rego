# SPDX-License-Identifier: Apache-2.0
package lint.rules.undefined_trap_test

import data.lint.rules.undefined_trap
import data.lint.sample_test

_bad := [
	[`deny if report.verified == false`],
	[`deny if true != report.verified`],
	[`allow if report.verdict != "rejected"`],
	[`deny if "rejected" = report.verdict`],
	[`deny if not ratify.verify({"image": input.image, "trust": data.trust.release}).verified`],
	[`deny if { r := ratify.verify({"image": input.image, "trust": data.trust.release}); not r.verified }`],
	[`deny if { ok := ratify.verify({"image": input.image, "trust": data.trust.release}).verified; not ok }`],
]

_good := [
	[`deny if not report.verified`],
	[`deny if not _verified(input.image)`],
	[`allow if report.verdict == "verified"`],
	[`reasons contains "no" if report.verdict == "rejected"`],
	[`test_x if report.verified == false`],
	[`deny if { ok := input.ok; not ok }`],
]

test_bad_is_found if {
	every sample in _bad {
		found := undefined_trap.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := undefined_trap.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
