# SPDX-License-Identifier: Apache-2.0
package lint.syntax_test

import data.lint.sample_test
import data.lint.syntax

test_parts_that_are_no_constants if {
	parts := [{"type": "var", "value": "input"}, {"type": "string", "value": "a"}, {"type": "ref", "value": []}]
	syntax.dotted(parts) == "input.a.[_]"
}

test_text_is_one_line if {
	syntax.text({"location": {"text": base64.encode("a :=\n\t1 ")}}) == "`a := 1`"
	syntax.text({}) == "``"
}

test_long_text_is_cut if {
	line := concat("", [sprintf("%d", [n % 10]) | some n in numbers.range(1, 81)])
	endswith(syntax.text({"location": {"text": base64.encode(line)}}), "789…`")
}

test_every_rule_is_reachable_without_an_answer if {
	reached := syntax.reachable("data.trust", {"allow"}) with input as sample_test.policy(["a if b", "b if input.x"])
	reached == {"a", "b"}
}

test_reachable_through_others if {
	sample := sample_test.policy(["allow if a", "a if b", "b if input.x", "c if input.y"])
	reached := syntax.reachable("data.trust", {"allow"}) with input as sample
	reached == {"allow", "a", "b"}
}

test_tests_do_not_decide if {
	decisions := syntax.decisions with input as sample_test.policy(["test_a if true", "a if true"])
	[decision.name | some decision in decisions] == ["a"]
}
