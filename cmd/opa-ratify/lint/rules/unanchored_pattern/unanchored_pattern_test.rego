# SPDX-License-Identifier: Apache-2.0
package lint.rules.unanchored_pattern_test

import data.lint.rules.unanchored_pattern
import data.lint.sample_test

_bad := [
	[`allow if regex.match("acme", s.signer.identity)`],
	[`allow if regex.match("^a|b$", s.signer.identity)`],
	[`allow if contains(s.annotations["org.example/team"], "acme")`],
	[`f(subject) if contains(subject, "acme")`],
	[`allow if startswith(s.signer.identity, "https://github.com/acme")`],
	[`allow if endswith(s.signer.identity, "acme.example")`],
]

_good := [
	[`allow if regex.match("^(a|b)$", s.signer.identity)`],
	[`allow if startswith(s.signer.identity, "https://github.com/acme/")`],
	[`allow if endswith(s.signer.identity, "@acme.example")`],
	[`allow if regex.match(data.pattern, s.signer.identity)`],
	[`allow if contains(message, "expired")`],
]

test_bad_is_found if {
	every sample in _bad {
		found := unanchored_pattern.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := unanchored_pattern.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
