# SPDX-License-Identifier: Apache-2.0
package lint.rules.refused_test

import data.lint.rules.refused
import data.lint.sample_test

test_refusals_are_findings if {
	refusal := {"file": "trust.rego", "row": 3, "col": 1, "message": "import data.ratify hides the built-ins"}
	found := refused.findings with input as object.union(sample_test.nothing, {"refused": [refusal]})
	{one.location | some one in found} == {{"file": "trust.rego", "row": 3, "col": 1}}
	{[one.rule, one.severity] | some one in found} == {["refused", "error"]}
}
