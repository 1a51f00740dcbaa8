# SPDX-License-Identifier: Apache-2.0
package lint.report_test

import data.lint.report
import data.lint.sample_test

_rules := {"sample": {"findings": {{"rule": "sample", "location": {"file": "a.rego", "row": 7, "col": 1}}}}}

_ignore(rule, reason, covers) := {
	"file": "a.rego", "row": 6, "col": 1,
	"covers": covers, "rule": rule, "reason": reason,
}

_found(ignores) := {one.rule |
	some one in report.findings with input as object.union(sample_test.nothing, {"ignores": ignores})
		with data.lint.rules as _rules
}

test_without_comments if _found([]) == {"sample"}

test_comment_silences if _found([_ignore("sample", "it is so", 7)]) == set()

test_comment_without_reason if _found([_ignore("sample", "", 7)]) == {"sample", "ignore"}

test_comment_without_rule if _found([_ignore("", "", 7)]) == {"sample", "ignore"}

test_comment_elsewhere if _found([_ignore("sample", "it is so", 8)]) == {"sample", "ignore"}

test_comment_on_another_rule if _found([_ignore("other", "it is so", 7)]) == {"sample", "ignore"}
