# SPDX-License-Identifier: Apache-2.0
package lint.rules.skipped_log_test

import data.lint.rules.skipped_log
import data.lint.sample_test

_bad := [
	{"cosign": {"identities": [{}], "transparency_log": "ignored"}},
	{"cosign": {"identities": [{}], "certificate_transparency": "ignored"}},
]

_good := [
	{"cosign": {"keys": ["x"], "transparency_log": "ignored"}},
	{"cosign": {"identities": [{}]}},
]

test_bad_is_found if {
	every sample in _bad {
		found := skipped_log.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := skipped_log.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
