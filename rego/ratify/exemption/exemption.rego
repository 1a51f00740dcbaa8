# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Exemptions
# description: |
#   Admits for a while what is not signed (yet), and says so: who answers for it, where
#   that was agreed, and when it ends. The exemptions are an object:
#
#   - "grants": an array of {"owner", "ticket", "expires"} with at least one of
#     "digests", "scopes" (patterns as of a policy, with a registry) and "namespaces".
#     Of those that are given, each must hold;
#   - "grandfathered": one more, by "digests" alone: what ran when signing was adopted;
#   - "longest_days": the most days that "expires" (RFC 3339) may be ahead; no limit
#     if it is missing.
#
#   Whatever is wrong with an exemption, it then exempts nothing. By digest an image
#   is exempt only if the digest is known: it is in the reference, or the tag was
#   resolved while the image was verified.
package ratify.exemption

# METADATA
# title: A decision with the exemptions applied
# description: |
#   Given a decision ("allow", "report", "reasons", "warnings", …), the request it is
#   about and the exemptions. An allowed image stays as it is. A denied one that is
#   exempt is allowed, "reasons" and "warnings" tell by what exemption and what is
#   wrong with the image, and "exemption" is {"path", "owner", "ticket", "expires"}.
#   One that is not stays denied, and "reasons" tells besides which exemption for it
#   has expired and which ones do not count for a mistake.
applied(decision, request, exemptions) := decision if decision.allow

else := object.union(decision, {"allow": true, "reasons": lines, "warnings": warnings, "exemption": grant}) if {
	grant := _granted(request, decision.report, exemptions)[0]
	lines := array.concat([sprintf(_exempt, [grant.expires, grant.path, grant.owner, grant.ticket])], decision.reasons)
	warnings := array.concat(object.get(decision, "warnings", []), lines)
}

else := object.union(decision, {"reasons": lines}) if {
	notes := array.concat(_expired(request, decision.report, exemptions), faults(exemptions))
	lines := array.concat(decision.reasons, notes)
}

_exempt := "exempt until %s by %s, owner %s, ticket %s; without it:"

_ended := "the exemption %s ended at %s, owner %s, ticket %s; sign the image, or renew it"

_granted(request, report, exemptions) := [_grant(path, entry) |
	some [path, entry] in _sound(exemptions)
	not _over(entry)
	_covers(entry, request, report)
]

_expired(request, report, exemptions) := [sprintf(_ended, [path, entry.expires, entry.owner, entry.ticket]) |
	some [path, entry] in _sound(exemptions)
	_over(entry)
	_covers(entry, request, report)
]

_grant(path, entry) := {"path": path, "owner": entry.owner, "ticket": entry.ticket, "expires": entry.expires}

_over(entry) if time.parse_rfc3339_ns(entry.expires) <= time.now_ns()

# Every condition that is there must hold; a sound entry has one at least.
_covers(entry, request, report) if {
	every condition in object.keys(entry) & _conditions { _holds(condition, entry[condition], request, report) }
}

_conditions := {"digests", "scopes", "namespaces"}

_holds("digests", list, request, report) if _digest(request, report) in list

_holds("scopes", list, request, _) if {
	some scope in list
	ratify.reference.matches(scope, request.image)
}

_holds("namespaces", list, request, _) if request.namespace in list

# The digest of the reference comes first, as it does wherever an image is run.
_digest(request, report) := [digest |
	some digest in [ratify.reference.parse(request.image).digest, object.get(report, "digest", "")]
	digest != ""
][0]

# METADATA
# title: Mistakes in the exemptions
# description: |
#   An array of lines that name what does not count, and why; empty if all is well. An
#   exemption that has expired is no mistake, one that ends too far ahead is.
faults(exemptions) := ["data.trust.exemptions must be an object"] if not is_object(exemptions)

else := _settings_faults(exemptions) if count(_settings_faults(exemptions)) > 0

else := [sprintf("the exemption %s does not count: %s", [path, fault]) |
	some [path, entry] in _entries(exemptions)
	some fault in sort(_entry_faults(path, entry, exemptions))
]

# Nothing is exempt if the settings as a whole are wrong: it may be the limit that is
# misspelt.
_settings_faults(exemptions) := sort(union({
	{sprintf("data.trust.exemptions: unknown key %v; it has grandfathered, grants, longest_days", [key]) |
		some key in object.keys(exemptions)
		not key in {"grandfathered", "grants", "longest_days"}
	},
	{"data.trust.exemptions.grants must be a list" | not is_array(object.get(exemptions, "grants", []))},
	{"data.trust.exemptions.longest_days must be a number of days above 0" | not _limit(exemptions)},
}))

_limit(exemptions) if not "longest_days" in object.keys(exemptions)

_limit(exemptions) if {
	is_number(exemptions.longest_days)
	exemptions.longest_days > 0
}

# Pairs of where an entry stands, and the entry.
_entries(exemptions) := array.concat(
	[[sprintf("data.trust.exemptions.grants[%d]", [i]), entry] | some i, entry in exemptions.grants],
	[[_grandfathered, entry] | some "grandfathered", entry in exemptions],
)

_grandfathered := "data.trust.exemptions.grandfathered"

_sound(exemptions) := [[path, entry] |
	is_object(exemptions)
	count(_settings_faults(exemptions)) == 0
	some [path, entry] in _entries(exemptions)
	count(_entry_faults(path, entry, exemptions)) == 0
]

_entry_faults(path, entry, exemptions) := {"must be an object"} if not is_object(entry)

else := union({
	_key_faults(path, entry),
	_duty_faults(entry),
	_expiry_faults(entry, exemptions),
	_condition_faults(entry),
})

_key_faults(path, entry) := {sprintf("unknown key %v; it has %s", [key, concat(", ", sort(_keys(path)))]) |
	some key in object.keys(entry)
	not key in _keys(path)
} | {sprintf("needs one of %s", [concat(", ", sort(_keys(path) & _conditions))]) |
	count(object.keys(entry) & _conditions) == 0
}

_keys(path) := {"owner", "ticket", "expires", "digests"} if path == _grandfathered

else := {"owner", "ticket", "expires"} | _conditions

_duty_faults(entry) := {sprintf("%s must say who or where, in a string", [key]) |
	some key in ["owner", "ticket"]
	not _says(object.get(entry, key, ""))
}

_says(value) if {
	is_string(value)
	trim_space(value) != ""
}

_expiry_faults(entry, exemptions) := {sprintf("expires is more than %v days ahead", [exemptions.longest_days]) |
	end > time.now_ns() + (exemptions.longest_days * _day)
} if {
	end := time.parse_rfc3339_ns(entry.expires)
} else := {`expires must be a time such as "2026-12-31T00:00:00Z" (RFC 3339)`}

_day := ((24 * 60) * 60) * 1000000000

_condition_faults(entry) := {sprintf("%s must be a list of %s", [condition, _elements[condition]]) |
	some condition in _conditions
	condition in object.keys(entry)
	not _listed(condition, entry[condition])
}

_elements := {
	"digests": "digests, sha256: and 64 hex digits",
	"scopes": `scopes such as "registry.example/team/**", each with a registry`,
	"namespaces": "names of namespaces",
}

_listed(condition, list) if {
	is_array(list)
	count(list) > 0
	every element in list { _element(condition, element) }
}

_element("digests", element) if regex.match(`^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`, element)

_element("namespaces", element) if regex.match(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`, element)

# What `ratify.reference.matches` takes for a scope, less the one of everything: others
# would stop evaluation.
_element("scopes", element) if {
	regex.match(`^(localhost|\*\.[^*/]+|[^*/]*[.:][^*/]*)(/([^*/:@]+|\*))*(/\*\*)?$`, element)
	ratify.reference.parse(sprintf("%s/x", [replace(element, "*", "x")])).valid
}
