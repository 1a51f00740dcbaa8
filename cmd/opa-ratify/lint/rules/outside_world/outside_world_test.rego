# SPDX-License-Identifier: Apache-2.0
package lint.rules.outside_world_test

import data.lint.rules.outside_world
import data.lint.sample_test

_bad := [
	[`allow if http.send({})`],
	[`allow if opa.runtime().env.X`],
]

_good := [[`allow if report.verified`]]

test_bad_is_found if {
	every sample in _bad {
		found := outside_world.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := outside_world.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
