# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Decisions by data
# description: |
#   Decides about an image by lists of trust policies, so that a bundle can be driven
#   by data alone. The settings are an object:
#
#   - "policies": the cluster's list. A policy is
#     {"name", "scopes": [pattern], "trust": a trust document or the name of one}, or in
#     place of "trust" {"signers": [signer], "require": "all" (default), "any" or
#     {"threshold": n}}: that many of the signers, by different keys. A signer is a trust
#     document or the name of one, or {"attestation": predicate type, "trust"}, or again
#     {"signers", "require"}, see `data.ratify.threshold`;
#   - "documents": trust documents by name;
#   - "namespaces": {namespace: {"policies": [...]}}: what a namespace demands besides;
#   - "exemptions": what is admitted for a while all the same, see `data.ratify.exemption`.
#
#   A policy with "enforcement": "warn" or "dryrun" denies nothing: its reasons become
#   warnings, or are only recorded. Without that key, or with "deny", it denies.
#
#   Of one list the policies with the most specific scope for the image count, and if
#   several are equally specific, all of them: a policy for `registry.example/team`
#   replaces the one for `registry.example` there, and that replaces `*`. The
#   registry is compared before the path; literal segments count before wildcards.
#
#   A namespace's list can only add demands: the cluster's must hold in any case, and
#   an image for which the cluster has no policy is denied. Exemptions are the
#   cluster's, and hold against both.
#
#   A list with a mistake (an unknown key, no scopes) denies everything it is asked
#   about: a demand must not get lost by a misspelling.
package ratify.policy

import data.ratify.exemption
import data.ratify.policy_settings
import data.ratify.quorum

# METADATA
# title: The decision about an image
# description: |
#   Given a request with "image" and "namespace" ("" or missing for none) and the
#   settings, an object: "allow" (boolean), "report" (one report that sums up all
#   that was asked, verified only if "allow"), "reasons" (array of lines for people,
#   empty if allowed for no exemption), "warnings" (array of lines for whoever asked,
#   of policies that warn and of an exemption), "dryrun" (array of lines for the
#   record) and "exemption" ({} if none was needed).
decision(request, settings) := exemption.applied(_enforced(findings), request, _exemptions(built)) if {
	built := object.union(settings, {}) # OPA copies what a rule made for every function, but not what a built-in made
	policy_settings.faults(request, built) == []
	demanded := _demanded_here(request.image, policy_settings.namespaced(request, built), built.policies)
	findings := [[statement, quorum.evaluation(statement, request, built)] | some statement in demanded]
} else := _denied(request, "no_trust_policy", "trust", faults) if {
	faults := policy_settings.faults(request, settings)
	count(faults) > 0
} else := object.union(unread, {"report": {"verdict": "inconclusive"}}) if {
	# As `ratify.verify` answers: it was not seen.
	not ratify.reference.parse(request.image).valid
	unread := _denied(request, "invalid_reference", "parse", [ratify.reference.parse(request.image).error])
} else := exemption.applied(uncovered, request, _exemptions(settings)) if {
	count(statements(settings.policies, request.image)) == 0
	uncovered := _denied(request, "no_trust_policy", "trust", [_uncovered(request, settings)])
} else := _denied({}, "no_trust_policy", "trust", ["the request is not an object with an image"])

# METADATA
# title: The policies that count for an image
# description: |
#   Of a list of policies the array of those whose scopes match the image most
#   specifically; several if they are equally specific, none if no scope matches.
statements(policies, image) := [statement |
	ranked := [[_rank(statement, image), statement] | some statement in policies]
	best := max([rank | some [rank, _] in ranked])
	some [rank, statement] in ranked
	rank == best
]

# How specific the best matching scope of a policy is; undefined if none matches.
_rank(statement, image) := max([_specificity(scope) |
	some scope in statement.scopes
	ratify.reference.matches(scope, image)
])

# Arrays are compared element by element: registry, literal segments, segments, tail.
_specificity(scope) := [0, 0, 0, 0] if scope == "*"

else := [registry, count([s | some s in path; not s in {"*", "**"}]), count(path), tail] if {
	segments := split(scope, "/")
	path := array.slice(segments, 1, count(segments))
	registry := 2 - count([1 | startswith(scope, "*.")])
	tail := 1 - count([s | some s in path; s == "**"])
}

# What counts for an image if the cluster's list has something for it: the plugin's
# routes keep what it answers.
_demanded_here(image, namespaced, policies) := array.concat(demanded, statements(namespaced, image)) if {
	demanded := statements(policies, image)
	demanded != []
}

_demanded(request, settings) := array.concat(
	statements(settings.policies, request.image),
	statements(policy_settings.namespaced(request, settings), request.image),
)

_uncovered(request, settings) := sprintf(_empty, [request.image]) if count(settings.policies) == 0

else := sprintf(_elsewhere, [name, concat(", ", there)]) if {
	name := ratify.reference.parse(request.image).name
	there := [sprintf("%s (%s)", [scope, p.name]) | some p in settings.policies; some scope in p.scopes]
}

_empty := "data.trust.policies is empty: no signer of %s is trusted; add a policy to it"

_elsewhere := "no scope in data.trust.policies covers %s: there are %s; add a policy or a scope"

_denied(request, code, stage, lines) := {
	"allow": false,
	"reasons": [sprintf("%s: %s", [code, line]) | some line in lines],
	"warnings": [],
	"dryrun": [],
	"exemption": {},
	"report": {
		"image": object.get(request, "image", ""),
		"reference": "",
		"digest": "",
		"media_type": "",
		"verdict": "rejected",
		"verified": false,
		"signatures": [],
		"platforms": [],
		"stale": [],
		"errors": [{"code": code, "message": line, "stage": stage, "retryable": false} | some line in lines],
	},
}

_exemptions(settings) := object.get(settings, "exemptions", {})

# Pairs of a policy and what it finds. Those that deny decide, and the report is theirs.
# The first case is most of what is asked; the second says the same of it.
_enforced(findings) := {
	"allow": true,
	"report": found.reports[0],
	"reasons": [],
	"warnings": [],
	"dryrun": [],
	"exemption": {},
} if {
	[[statement, found]] := findings
	policy_settings.enforcement(statement) == "deny"
	found.verdict == "verified"
	count(found.reports) == 1
} else := object.union(quorum.total(enforced), _unenforced(findings)) if {
	enforced := _evaluations(findings, "deny")
	count(enforced) > 0
} else := object.union_n([quorum.total(unenforced), _unenforced(findings), {"allow": true, "reasons": []}]) if {
	unenforced := [evaluation | some [_, evaluation] in findings]
}

_unenforced(findings) := {
	"warnings": [line | some evaluation in _evaluations(findings, "warn"); some line in evaluation.reasons],
	"dryrun": [line | some evaluation in _evaluations(findings, "dryrun"); some line in evaluation.reasons],
	"exemption": {},
}

_evaluations(findings, enforcement) := [evaluation |
	some [statement, evaluation] in findings
	policy_settings.enforcement(statement) == enforcement
]

# METADATA
# title: What is asked about an image
# description: |
#   Given the same as `decision`, the array of the requests to `ratify.verify` that it
#   makes; empty if it makes none. For `ratify.verify_all`, ahead of many decisions.
#   Requests to `ratify.attestations` are not among them.
requests(request, settings) := [object.union({"image": request.image}, question) |
	count(policy_settings.faults(request, settings)) == 0
	some statement in _demanded(request, settings)
	some question in policy_settings.questions(statement, settings)
	not question.predicate_type
]
