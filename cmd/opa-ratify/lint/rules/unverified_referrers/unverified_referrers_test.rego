# SPDX-License-Identifier: Apache-2.0
package lint.rules.unverified_referrers_test

import data.lint.rules.unverified_referrers
import data.lint.sample_test

_bad := [[`allow if ratify.referrers(input.image).referrers[_].artifact_type == "x"`]]

_good := [[`allow if report.verified`, `attached := ratify.referrers(input.image)`]]

test_bad_is_found if {
	every sample in _bad {
		found := unverified_referrers.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := unverified_referrers.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
