# SPDX-License-Identifier: Apache-2.0
package lint.rules.image_as_text_test

import data.lint.rules.image_as_text
import data.lint.sample_test

_bad := [
	[`allow if startswith(input.image, "registry.example/")`],
	[`f(image) if regex.match("^x$", image)`],
	[`x := split(input.reference, "/")`],
]

_good := [
	[`allow if ratify.reference.matches("registry.example/**", input.image)`],
	[`allow if startswith(input.namespace, "team-")`],
]

test_bad_is_found if {
	every sample in _bad {
		found := image_as_text.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := image_as_text.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
