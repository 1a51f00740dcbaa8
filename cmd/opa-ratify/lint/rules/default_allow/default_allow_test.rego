# SPDX-License-Identifier: Apache-2.0
package lint.rules.default_allow_test

import data.lint.rules.default_allow
import data.lint.sample_test

_bad := [[`default allow := true`]]

_good := [[`default allow := false`]]

test_bad_is_found if {
	every sample in _bad {
		found := default_allow.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := default_allow.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
