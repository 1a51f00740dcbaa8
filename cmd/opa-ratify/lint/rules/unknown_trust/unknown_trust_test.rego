# SPDX-License-Identifier: Apache-2.0
package lint.rules.unknown_trust_test

import data.lint.rules.unknown_trust
import data.lint.sample_test

_sample(trust) := object.union(
	sample_test.data_file(["trust"], {"release": {"cosign": {"keys": []}}}),
	{"modules": sample_test.policy([
		sprintf(`allow if ratify.verify({"image": input.image, "trust": %s}).verified`, [trust]),
		"computed := data.trust.release",
	]).modules},
)

_found(trust) := found if {
	found := unknown_trust.findings with input as _sample(trust)
}

test_misspelt_name_is_found if count(_found("data.trust.relase")) == 1

test_names_that_are_there if {
	every trust in [
		"data.trust.release", "data.trust.computed", "data.elsewhere.release",
		"data.trust[input.namespace]", "computed", "data.trust",
	] {
		count(_found(trust)) == 0
	}
}
