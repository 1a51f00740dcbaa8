# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Verification summaries
# description: |
#   Decides about an image by what somebody else has verified: SLSA verification summary
#   attestations v1. Of the signed summaries by a trusted verifier the newest counts: one
#   that failed takes back one that passed.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/verification_summary
#     description: SLSA verification summary v1
package ratify.verification_summary

import data.ratify.evidence
import data.ratify.settings as kinds

# METADATA
# title: The decision by verification summaries
# description: |
#   Given answers of `ratify.attestations` and settings, an object: "allow" (boolean) and
#   "reasons" (array of lines, empty if allowed). The settings are an object; the first
#   three keys are required:
#
#   - "verifiers": ids of the verifiers whose word counts;
#   - "resources": patterns (RE2, from beginning to end) of the resource URI that was verified;
#   - "levels": levels that must have been verified; `SLSA_BUILD_LEVEL_3` is also level 2;
#   - "policies": URIs of policies, one of which must have been applied;
#   - "maximum_age": how old a summary may be, such as `720h`; one without a time is too old.
decision(answers, settings) := {"allow": count(lines) == 0, "reasons": lines} if {
	lines := array.flatten([
		_settings_faults(settings),
		evidence.faults(answers),
		_absent(answers, settings),
		[sprintf("summary_mismatch: %v: %s", [summary.digest, line]) |
			some summary in _counted(_summaries(answers, settings))
			some line in _misses(summary, settings)
		],
	])
}

_settings_faults(settings) := array.concat(kinds.faults(settings, _kinds), [line |
	some key in ["verifiers", "resources", "levels"]
	not settings[key]
	line := sprintf("invalid_settings: %s is required", [key])
])

_kinds := {
	"verifiers": "strings",
	"resources": "patterns",
	"levels": "strings",
	"policies": "strings",
	"maximum_age": "duration",
}

# Summaries by trusted verifiers.
_summaries(answers, settings) := [object.union(document.json, {"digest": document.digest, "time": time_}) |
	some document in evidence.documents(answers)
	document.type == "https://slsa.dev/verification_summary/v1"
	document.json.verifier.id in settings.verifiers
	time_ := _ns(object.get(document.json, "timeVerified", ""))
]

default _ns(_) := 0

_ns(text) := time.parse_rfc3339_ns(text) if is_string(text)

_absent(answers, settings) := ["no_evidence: no summary by any of verifiers is verified"] if {
	count(_summaries(answers, settings)) == 0
} else := []

# The newest, and those without a time, which may be newer.
_counted(summaries) := [summary |
	newest := max([summary.time | some summary in summaries])
	some summary in summaries
	summary.time in {0, newest}
]

_misses(summary, settings) := array.flatten([
	[sprintf("the result is %v, not PASSED", [_result(summary)]) | _result(summary) != "PASSED"],
	[sprintf("it is about %v, which is none of resources", [_resource(summary)]) | not _is_resource(summary, settings)],
	[sprintf("the policy %v is none of policies", [_policy(summary)]) |
		not _policy(summary) in object.get(settings, "policies", [_policy(summary)])
	],
	[sprintf("%s was not verified", [level]) |
		some level in settings.levels
		not _is_verified(level, summary)
	],
	_age(summary.time, time.now_ns(), object.get(settings, "maximum_age", "")),
])

_result(summary) := object.get(summary, "verificationResult", "missing")

_resource(summary) := object.get(summary, "resourceUri", "")

_policy(summary) := object.get(summary, ["policy", "uri"], "")

_is_resource(summary, settings) if {
	some pattern in settings.resources
	kinds.matches(pattern, _resource(summary))
}

_is_verified(level, summary) if {
	some verified in summary.verifiedLevels
	_includes(verified, level)
}

_includes(verified, level) if verified == level

# A level includes those below it on the same track.
_includes(verified, level) if {
	[there, wanted] := [_graded(verified), _graded(level)]
	there[0] == wanted[0]
	to_number(there[1]) >= to_number(wanted[1])
}

_graded(level) := array.slice(found, 1, 3) if {
	some found in regex.find_all_string_submatch_n(`^(SLSA_[A-Z]+_LEVEL_)([0-9])$`, level, 1)
}

_age(made, now, _) := ["it is of a time to come"] if made > now + _skew

_age(0, _, maximum) := ["it does not say when it was made" | maximum != ""]

_age(made, now, maximum) := [sprintf("it is older than %s", [maximum]) |
	made + time.parse_duration_ns(maximum) < now
] if {
	made > 0
	made <= now + _skew
}

# How far clocks may differ: 10 minutes, in nanoseconds.
_skew := ((10 * 60) * 1000) * 1000000
