# SPDX-License-Identifier: Apache-2.0
package lint.rules.loose_pattern_test

import data.lint.rules.loose_pattern
import data.lint.sample_test

_bad := [
	{"cosign": {"identities": [{"subject_regexp": `https://github\.com/acme.*`}]}},
	{"cosign": {"identities": [{"subject_regexp": `https://github\.com/acme/app[^@]*@refs/heads/main`}]}},
	{"cosign": {"identities": [{"issuer_regexp": `.*acme\.example`}]}},
]

_good := [
	{"cosign": {"identities": [{"subject_regexp": `https://github\.com/acme/.*@refs/tags/v.*`}]}},
	{"cosign": {"identities": [{"subject_regexp": `[a-z]+@acme\.example`}]}},
	{"cosign": {"identities": [{"subject_regexp": `.*@acme\.example`}]}},
]

test_bad_is_found if {
	every sample in _bad {
		found := loose_pattern.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := loose_pattern.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
