# SPDX-License-Identifier: Apache-2.0
package lint.rules.weak_level_test

import data.lint.rules.weak_level
import data.lint.sample_test

_bad := [
	_policy({"level": "audit"}),
	_policy({"override": {"authenticity": "log"}}),
]

_policy(verification) := {"notation": {"trust_policy": {"trustPolicies": [{"signatureVerification": verification}]}}}

_good := [_policy({"override": {"revocation": "log"}})]

test_bad_is_found if {
	every sample in _bad {
		found := weak_level.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := weak_level.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
