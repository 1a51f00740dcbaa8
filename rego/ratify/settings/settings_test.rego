# SPDX-License-Identifier: Apache-2.0

package ratify.settings_test

import data.ratify.settings

_kinds := {
	"b": "boolean", "s": "string", "l": "strings", "d": "duration", "c": "count",
	"v": "severity", "w": "severities", "p": "pattern", "o": "object", "m": "objects", "q": "patterns",
}

test_nothing_wrong if {
	settings.faults({}, _kinds) == []
	every c in [
		["b", false], ["s", "x"], ["l", ["x", "y"]], ["d", "24h"], ["d", "7d"], ["d", "1h30m"],
		["c", 1], ["c", 7], ["v", "unknown"], ["w", ["high", "critical"]], ["p", `a.*`], ["o", {}], ["m", [{}]],
		["q", ["a", "b+"]],
	] {
		settings.faults({c[0]: c[1]}, _kinds) == []
	}
}

test_wrong_kind if {
	every c in [
		["b", ["true", null, 1]], ["s", ["", 7, null, ["x"]]], ["l", [[], ["x", ""], ["x", 7], "x", {"a": "x"}, null]],
		["d", ["1x", "", "0s", "-1h", 24, null]], ["c", [0, -1, 1.5, "1", null]], ["v", ["HIGH", "severe", null]],
		["w", [[], ["high", "severe"], "high", null]], ["p", ["", "(", ".*", "(?s).+|", "[^x]*", 7, null]],
		["o", [[], "x", null]], ["m", [[], [{}, 7], {}, null]], ["q", [[], ["a", ".*"], "a", null]],
	] {
		[key, values] := c
		every value in values {
			lines := settings.faults({key: value}, _kinds)
			count(lines) == 1
			startswith(lines[0], sprintf("invalid_settings: %s must be ", [key]))
		}
	}
}

test_unknown_key if {
	settings.faults({"x": 1}, {"b": "boolean", "a": "string"}) == ["invalid_settings: unknown key x; there are a, b"]
}

test_every_mistake_is_named if count(settings.faults({"x": 1, "b": 1, "s": 1, "c": 2}, _kinds)) == 3

test_settings_that_are_no_object if {
	every value in [null, [], "x", set()] {
		settings.faults(value, _kinds) == ["invalid_settings: they must be an object"]
	}
}

test_patterns_match_from_beginning_to_end if {
	settings.matches(`https://example/[a-z]+`, "https://example/abc")
	every text in ["https://example/abc/evil", "xhttps://example/abc", "https://example/", "", 7, null] {
		settings.matches(`https://example/[a-z]+`, text) == false
	}
}

test_what_is_no_pattern_matches_nothing if {
	every pattern in ["(", ".*", "", null, `a|b`] {
		settings.matches(pattern, "ax") == false
	}
}
