# SPDX-License-Identifier: Apache-2.0
package lint.rules.allow_by_absence_test

import data.lint.rules.allow_by_absence
import data.lint.sample_test

_bad := [
	[`allow if not denied`],
	[`allow if count(deny) == 0`],
	[`allow if 0 == count(deny)`],
	[`allow if deny == set()`],
]

_good := [
	[`allow if { not denied; report.verified }`],
	[`default allow := false`],
	[`allow := false if not ok`],
	[`allow if count(ok) == 1`],
]

test_bad_is_found if {
	every sample in _bad {
		found := allow_by_absence.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := allow_by_absence.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
