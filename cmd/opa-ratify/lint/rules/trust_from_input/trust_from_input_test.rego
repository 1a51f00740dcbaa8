# SPDX-License-Identifier: Apache-2.0
package lint.rules.trust_from_input_test

import data.lint.rules.trust_from_input
import data.lint.sample_test

_bad := [
	[`allow if ratify.verify({"image": "x", "trust": input.trust}).verified`],
	[`allow if { mine := input.trust; ratify.verify({"trust": mine}).verified }`],
	[`allow if ratify.verify(input).verified`],
	[`allow if ratify.verify(input.request).verified`],
	[`allow if ratify.verify({"trust": object.union(data.trust.x, input.more)}).verified`],
	[`allow if ratify.verify({"trust": _trust}).verified`, "_trust := input.trust"],
]

_good := [
	[`allow if ratify.verify({"image": "x", "trust": data.trust[input.namespace]}).verified`],
	[`allow if ratify.verify(input.image).verified`],
	["allow if ratify.verify(7).verified"],
	[`allow if ratify.verify({"trust": _trust}).verified`, "_trust := data.trust.x"],
	[`allow if { mine := data.trust.x; ratify.verify({"trust": mine}).verified }`],
]

test_bad_is_found if {
	every sample in _bad {
		found := trust_from_input.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := trust_from_input.findings with input as sample_test.policy(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
