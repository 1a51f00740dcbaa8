# SPDX-License-Identifier: Apache-2.0
package lint.rules.images_by_hand_test

import data.lint.rules.images_by_hand
import data.lint.sample_test

_bad := [
	[`deny if { some c in input.spec.containers; not _ok(c.image) }`],
	[`images contains input.spec.initContainers[_].image`],
]

_good := [
	[`deny if { some c in input.spec.containers; c.privileged }`],
	[`deny if input.spec.containers[_].privileged`],
]

test_bad_is_found if {
	every sample in _bad {
		found := images_by_hand.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := images_by_hand.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
