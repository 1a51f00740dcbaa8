# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Settings of decisions about documents
# description: |
#   Checks what a bundle's data demands of SBOMs, scans and provenance. A demand must not
#   get lost by a misspelling: settings with a mistake deny.
package ratify.settings

# METADATA
# title: Mistakes in settings
# description: |
#   Given settings and an object of their keys and kinds, an array of lines
#   "invalid_settings: …". A key may be left out. The kinds are "boolean", "string",
#   "strings" (a list of at least one, none empty), "duration" (`24h`, `7d`), "count" (1, 2 …),
#   "severity" and "severities" (critical, high, medium, low, negligible, unknown),
#   "pattern" (RE2, anchored by whoever uses it, that does not match everything),
#   "patterns", "object" and "objects" (a list of at least one).
faults(settings, kinds) := ["invalid_settings: they must be an object"] if {
	not is_object(settings)
} else := [sprintf("invalid_settings: %s", [line]) |
	some key in sort(object.keys(settings))
	some line in _faults(key, settings[key], kinds)
]

_faults(key, value, kinds) := [] if {
	_is(kinds[key], value)
} else := [sprintf("%s must be %s", [key, _wanted[kinds[key]]])] if {
	key in object.keys(kinds)
} else := [sprintf("unknown key %v; there are %s", [key, concat(", ", sort(object.keys(kinds)))])]

_wanted := {
	"boolean": "true or false",
	"string": "a string that is not empty",
	"strings": "a list of at least one string",
	"duration": "a positive duration such as 24h or 7d",
	"count": "a whole number, 1 or more",
	"severity": "critical, high, medium, low, negligible or unknown",
	"severities": "a list of critical, high, medium, low, negligible, unknown",
	"pattern": "a regular expression (RE2) that does not match everything",
	"patterns": "a list of at least one regular expression (RE2) that does not match everything",
	"object": "an object",
	"objects": "a list of at least one object",
}

_is("boolean", value) if is_boolean(value)

_is("string", value) if _is_text(value)

_is("strings", value) if {
	_is_list(value)
	every element in value { _is_text(element) }
}

_is("duration", value) if time.parse_duration_ns(value) > 0

_is("count", value) if {
	is_number(value)
	value >= 1
	floor(value) == value
}

_is("severity", value) if value in _severities

_is("severities", value) if {
	_is_list(value)
	every element in value { element in _severities }
}

_is("pattern", value) if _is_pattern(value)

_is("patterns", value) if {
	_is_list(value)
	every element in value { _is_pattern(element) }
}

_is("object", value) if is_object(value)

_is("objects", value) if {
	_is_list(value)
	every element in value { is_object(element) }
}

_is_list(value) if {
	is_array(value)
	count(value) > 0
}

_is_text(value) if {
	is_string(value)
	value != ""
}

_severities := {"critical", "high", "medium", "low", "negligible", "unknown"}

_is_pattern(value) if {
	_is_text(value)
	regex.is_valid(_anchored(value))
	not regex.match(_anchored(value), "")
	not regex.match(_anchored(value), "\u0001 anything at all")
}

_anchored(pattern) := sprintf("^(?:%s)$", [pattern])

# METADATA
# title: Whether a pattern matches the whole text
# description: True if the pattern matches all of the text, from beginning to end; false for what is no pattern.
# scope: document
default matches(_, _) := false

matches(pattern, text) if {
	_is_pattern(pattern)
	regex.match(_anchored(pattern), text)
}
