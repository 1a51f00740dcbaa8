# SPDX-License-Identifier: Apache-2.0
package lint.rules.missing_default_test

import data.lint.rules.missing_default
import data.lint.sample_test

_bad := [[`allow if input.x`, `allow if input.y`]]

_good := [
	[`default allow := false`, `allow if input.x`],
	[`allow contains "x"`],
	[`allow(x) if x`],
]

test_bad_is_found if {
	every sample in _bad {
		found := missing_default.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := missing_default.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
