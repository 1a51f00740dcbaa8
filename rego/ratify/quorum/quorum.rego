# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Many signers, one report
# description: |
#   Asks `ratify.verify` or `ratify.attestations` once per signer that a policy names and
#   sums the reports up.
#
#   One key vouches once in a policy: for one of its signers, however deep they are
#   nested. Who trusts a key in two of them does not get two vouchers out of it.
package ratify.quorum

import data.ratify.policy_settings
import data.ratify.report
import data.ratify.threshold

# METADATA
# title: What one policy finds
# description: |
#   An object: "verdict" (as of a report), "reports" (one per signer, in order),
#   "reasons" (lines for people, empty if verified) and "errors" (as of a report). The
#   report about an attestation is that of `ratify.attestations` with the findings about
#   its envelopes under "signatures", and without their content.
evaluation(statement, request, settings) := {
	"verdict": "verified",
	"reports": reports,
	"reasons": [],
	"errors": [],
} if {
	not threshold.composed(statement)
	trusts := policy_settings.trusts(statement, settings)
	reports := [ratify.verify({"image": request.image, "trust": trust}) | some trust in trusts]
	_verdict(reports, threshold.demanded(statement)) == "verified"
} else := {
	"verdict": verdict,
	"reports": reports,
	"reasons": _reasons(statement, verdict, reports),
	"errors": _errors(statement, verdict, reports),
} if {
	reports := _reports_for(statement, request, settings)
	verdict := _verdict_for(statement, reports)
}

_reports_for(statement, request, settings) := [_answer(object.union({"image": request.image}, question)) |
	some question in policy_settings.questions(statement, settings)
]

_answer(question) := ratify.verify(question) if not question.predicate_type

else := object.union(object.remove(answer, ["attestations"]), {
	"signatures": [object.remove(a, ["statement", "predicate_type"]) | some a in answer.attestations],
	"platforms": [],
}) if {
	answer := ratify.attestations(question)
}

_verdict_for(statement, reports) := _verdict(reports, threshold.demanded(statement)) if {
	not threshold.composed(statement)
} else := "verified" if {
	_suffice(statement, reports, {"verified"})
} else := "inconclusive" if {
	_suffice(statement, reports, {"verified", "inconclusive"})
} else := "rejected"

# One that is not verified may still become so if what could not be seen is seen.
# Where one signer is enough they need not be told apart.
_verdict(reports, demanded) := "verified" if {
	demanded == 1
	some r in reports
	r.verified == true
} else := "verified" if signers(_verified(reports)) >= demanded

else := "inconclusive" if signers(_verified(reports)) + count(_unseen(reports)) >= demanded

else := "rejected"

_suffice(statement, reports, verdicts) if {
	some chosen in _distinguishable(reports, verdicts)
	threshold.met(statement, _places(statement, chosen))
}

_places(statement, chosen) := {leaf.place | some i, leaf in threshold.leaves(statement); i in chosen}

# The largest sets of reports, by their numbers, that can be told apart by keys. Usually
# it is one, of all; what a smaller set satisfies, a larger one satisfies too.
_distinguishable(reports, verdicts) := {candidates} if {
	candidates := _candidates(reports, verdicts)
	signers([r | some i, r in reports; i in candidates]) == count(candidates)
} else := {chosen |
	candidates := [i | some i in _candidates(reports, verdicts)]
	largest := signers([r | some i, r in reports; i in candidates])
	some mask in numbers.range(0, bits.lsh(1, count(candidates)) - 1)
	chosen := {i | some n, i in candidates; bits.and(mask, bits.lsh(1, n)) != 0}
	count(chosen) == largest
	signers([r | some i, r in reports; i in chosen]) == largest
}

_candidates(reports, verdicts) := {i |
	some i, r in reports
	_seen(r) in verdicts
}

_seen(r) := "verified" if {
	report.verified(r)
} else := "inconclusive" if {
	r.verdict == "inconclusive"
}

_unseen(reports) := [r | some r in reports; r.verdict == "inconclusive"]

_verified(reports) := [r | some r in reports; report.verified(r)]

# METADATA
# title: How many signers vouch
# description: |
#   Given an array of verified reports, one per signer a policy names, the largest
#   number of them that can be told apart by different keys: one signature that two
#   trust documents accept is one voucher and not two.
#
#   By Hall's theorem this is the number of reports less the largest excess of any
#   subset of them over the keys that its members have between them.
signers(reports) := count(reports) - max([excess |
	some mask in numbers.range(0, bits.lsh(1, count(reports)) - 1)
	chosen := {i | some i, _ in reports; bits.and(mask, bits.lsh(1, i)) != 0}
	excess := count(chosen) - count({key | some i in chosen; some key in _keys(i, reports[i])})
])

_keys(i, verified) := {sprintf("report %d", [i])} if count(report.accepted(verified)) == 0

else := {_key(signature) | some signature in report.accepted(verified)}

_key(signature) := [name |
	some path in [["signer", "fingerprint"], ["signer", "key"], ["digest"]]
	name := object.get(signature, path, "")
	name != ""
][0]

_reasons(_, "verified", _) := []

# Signers of one format often have the same to say; it is said once.
_reasons(statement, verdict, reports) := [sprintf("policy %q: %s", [statement.name, line]) |
	lines := [sprintf("%v: %v", [e.code, e.message]) | some e in _errors(statement, verdict, reports)]
	some i, line in lines
	not _contained(line, array.slice(lines, 0, i))
] if {
	verdict != "verified"
}

_contained(line, lines) if {
	some other in lines
	contains(other, line)
}

_errors(_, "verified", _) := []

_errors(statement, verdict, reports) := array.concat(_too_few(statement, reports), [e |
	some r in reports
	not report.verified(r)
	some e in object.get(r, "errors", [])
]) if {
	verdict != "verified"
}

_too_few(statement, reports) := [] if count(reports) == 1

else := [{
	"code": "too_few_signers",
	"message": sprintf("%d of the %d demanded signers vouch for it by different keys: %s", [
		best.count,
		best.demanded,
		best.text,
	]),
	"stage": "verify",
	"retryable": false,
}] if {
	standings := [standing |
		some chosen in _distinguishable(reports, {"verified"})
		standing := threshold.standing(statement, _places(statement, chosen), _wrong(statement, reports))
	]
	best := [s | some s in standings; s.count == max([t.count | some t in standings])][0]
}

# By place, what is wrong with a signer. One that is verified is missing all the same if
# its key vouches for another.
_wrong(statement, reports) := {leaf.place: line |
	some i, leaf in threshold.leaves(statement)
	line := _first_line(reports[i])
}

_first_line(r) := "its key vouches for another" if {
	report.verified(r)
} else := sprintf("%v: %v", [e.code, e.message]) if {
	e := r.errors[0]
} else := "not verified"

# METADATA
# title: The sum of what several policies find
# description: |
#   All of the evaluations must be verified, and about the same digest. The value is
#   a decision: "allow", "report", "reasons". The report is the only one there is, or
#   has the verdict of all, each signature once, and the errors that stand against
#   the image.
total(evaluations) := {"allow": true, "report": only.reports[0], "reasons": []} if {
	[only] := evaluations
	only.verdict == "verified"
	count(only.reports) == 1
} else := {
	"allow": _verdict_of_all(evaluations) == "verified",
	"report": _report(evaluations),
	"reasons": array.concat(_moved_reasons(evaluations), [line | some e in evaluations; some line in e.reasons]),
}

_verdict_of_all(evaluations) := "rejected" if {
	some e in evaluations
	e.verdict == "rejected"
} else := "verified" if {
	count(evaluations) > 0
	every e in evaluations { e.verdict == "verified" }
	count(_digests(evaluations)) <= 1
} else := "inconclusive"

_digests(evaluations) := {d |
	some r in _reports(evaluations)
	d := object.get(r, "digest", "")
	d != ""
}

_reports(evaluations) := [r | some e in evaluations; some r in e.reports]

# Two policies must not each verify another image behind one tag.
_moved(evaluations) := [] if count(_digests(evaluations)) <= 1

else := [{
	"code": "digest_mismatch",
	"message": sprintf("the tag moved while it was verified: %s; ask again, or by digest", [_listed(evaluations)]),
	"stage": "resolve",
	"retryable": true,
}]

_listed(evaluations) := concat(", ", sort(_digests(evaluations)))

_moved_reasons(evaluations) := [sprintf("%s: %s", [e.code, e.message]) | some e in _moved(evaluations)]

_report(evaluations) := _reports(evaluations)[0] if count(_reports(evaluations)) == 1

else := _summary(_reports(evaluations), evaluations)

_summary(reports, evaluations) := {
	"image": _first(reports, "image"),
	"reference": _first(reports, "reference"),
	"digest": _first(reports, "digest"),
	"media_type": _first(reports, "media_type"),
	"verdict": _verdict_of_all(evaluations),
	"verified": _verdict_of_all(evaluations) == "verified",
	"signatures": _signatures(reports),
	"platforms": [p | some r in reports; some p in object.get(r, "platforms", [])],
	"stale": sort({s | some r in reports; some s in object.get(r, "stale", [])}),
	"errors": array.concat(_moved(evaluations), [error | some e in evaluations; some error in e.errors]),
}

default _first(_, _) := ""

_first(reports, field) := [value | some r in reports; value := object.get(r, field, ""); value != ""][0]

# Each signature once: the finding of a trust document that accepts it, if one does.
_signatures(reports) := [best |
	some digest in sort({s.digest | some r in reports; some s in object.get(r, "signatures", [])})
	found := [s | some r in reports; some s in object.get(r, "signatures", []); s.digest == digest]
	best := array.concat([s | some s in found; s.verified], found)[0]
]
