# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Questions to reports
# description: |
#   What a policy asks about the report of `ratify.verify`. Every function answers
#   for every operand: fields that are missing (in a mock, say) count as empty, and
#   what is not a report counts as one that says nothing.
package ratify.report

# METADATA
# title: Why an image is not verified
# description: |
#   An array of lines for people: first the report's own errors (of which the first
#   says what came nearest), then those of the demanded platforms, then those of
#   single signatures. Empty for a verified image.
messages(report) := [] if verified(report)

else := array.concat([_line("", e) | some e in _errors(report)], [line |
	some [prefix, part] in array.concat(_platforms(report), _signatures(report))
	some e in _errors(part)
	line := _line(prefix, e)
])

# METADATA
# title: Whether an image is verified
# scope: document
# description: True only if the report says so with the boolean `true`; else false.
default verified(_) := false

verified(report) if report.verified == true

# METADATA
# title: The signatures that count
# description: |
#   An array of the findings about signatures that satisfied the trust document, on
#   the image and on demanded platforms. Empty unless the image is verified: one
#   good signature on one platform does not vouch for an image that is denied.
accepted(report) := [signature |
	verified(report)
	some [_, signature] in _signatures(report)
	signature.verified == true
]

# METADATA
# title: Who signed
# description: |
#   The set of the names of the signers that count: the certificate identity
#   (Sigstore), else the subject of the certificate (`CN=release,O=acme`), else the
#   name of the key, else its fingerprint. Empty unless the image is verified.
signers(report) := {names[0] |
	some signature in accepted(report)
	names := [name |
		some field in ["identity", "subject", "key", "fingerprint"]
		name := object.get(signature, ["signer", field], "")
		name != ""
	]
}

# METADATA
# title: Codes of what went wrong
# description: |
#   The set of the stable codes of all errors in the report: its own, those of
#   platforms and those of signatures. Empty for a verified image.
codes(report) := {e.code |
	not verified(report)
	some e in _all_errors(report)
}

# METADATA
# title: Whether asking again can help
# scope: document
# description: |
#   True if the image is neither verified nor rejected and at least one error is
#   retryable: the registry was down, time ran out. Else false.
default retryable(_) := false

retryable(report) if {
	report.verdict == "inconclusive"
	some e in _all_errors(report)
	e.retryable == true
}

_all_errors(report) := [e |
	some part in array.concat([report], [p | some [_, p] in array.concat(_platforms(report), _signatures(report))])
	some e in _errors(part)
]

# Pairs of what to call a part of the report, and the part.
_platforms(report) := [[sprintf("platform %v: ", [object.get(p, "platform", "?")]), p] |
	some p in _list(report, "platforms")
]

_signatures(report) := [[sprintf("signature %v: ", [object.get(s, "digest", "?")]), s] |
	some part in array.concat([report], _list(report, "platforms"))
	some s in _list(part, "signatures")
]

_errors(part) := _list(part, "errors")

_line(prefix, e) := sprintf("%s%v: %v", [
	prefix,
	object.get(e, "code", "internal"),
	object.get(e, "message", "no message"),
])

_list(object_, field) := [element |
	some element in object_[field]
	is_object(element)
]
