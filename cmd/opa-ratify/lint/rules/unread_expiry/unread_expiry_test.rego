# SPDX-License-Identifier: Apache-2.0
package lint.rules.unread_expiry_test

import data.lint.rules.unread_expiry
import data.lint.sample_test

_sample(lines, value) := object.union(
	sample_test.data_file(["trust"], value),
	{"modules": sample_test.policy(lines).modules},
)

_found(lines, value) := found if {
	found := unread_expiry.findings with input as _sample(lines, value)
}

_exempt := {"exempt": [{"image": "x", "expires": "2026-01-01T00:00:00Z"}]}

test_unread_date_is_found if count(_found(["allow if data.trust.exempt[_].image == input.image"], _exempt)) == 1

test_clock_is_enough if count(_found(["allow if time.now_ns() < 7"], _exempt)) == 0

test_library_is_enough if {
	lines := ["import data.ratify.policy", "allow if policy.decision(input, {}).allow"]
	count(_found(lines, _exempt)) == 0
}

test_keys_have_dates_of_their_own if {
	count(_found(["allow if input.x"], {"release": {"cosign": {"keys": [{"valid_until": "2026-01-01T00:00:00Z"}]}}})) == 0
}

test_data_alone_is_read_elsewhere if {
	found := unread_expiry.findings with input as sample_test.data_file(["trust"], _exempt)
	count(found) == 0
}
