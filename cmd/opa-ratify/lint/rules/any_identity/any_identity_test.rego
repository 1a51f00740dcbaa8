# SPDX-License-Identifier: Apache-2.0
package lint.rules.any_identity_test

import data.lint.rules.any_identity
import data.lint.sample_test

_bad := [{"notation": {"trust_policy": {"trustPolicies": [{"trustedIdentities": ["*"]}]}}}]

_good := [{"notation": {"trust_policy": {"trustPolicies": [{"trustedIdentities": ["x509.subject: C=US"]}]}}}]

test_bad_is_found if {
	every sample in _bad {
		found := any_identity.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := any_identity.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
