# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: What Ratify admitted
# description: |
#   Who is trusted for which image is data: data.yaml, which `opa-ratify migrate`
#   writes, or what the plugin makes of the cluster's resources. Here is what Ratify
#   demands besides a signer that counts.
package trust

import data.ratify.policy
import data.ratify.policy_settings

default allow := false

allow if {
	decision.allow
	count(objections) == 0
}

report := decision.report if count(objections) == 0

else := object.union(decision.report, {
	"verdict": _verdict,
	"verified": false,
	"errors": array.concat([o | some o in objections], decision.report.errors),
})

reasons := array.concat([sprintf("%s: %s", [o.code, o.message]) | some o in objections], decision.reasons)

# METADATA
# title: Why nothing can be decided yet
# scope: document
# description: A line for people; empty if the data is there.
default pending := ""

decision := policy.decision(input, settings) if pending == ""

else := {
	"allow": false,
	"reasons": [sprintf("no_trust_policy: %s", [pending])],
	"report": {
		"image": object.get(input, "image", ""),
		"reference": "",
		"digest": "",
		"media_type": "",
		"verdict": "inconclusive",
		"verified": false,
		"signatures": [],
		"platforms": [],
		"stale": [],
		"errors": [{"code": "no_trust_policy", "message": pending, "stage": "trust", "retryable": true}],
	},
}

settings := {"policies": _policies, "documents": _documents, "namespaces": _namespaces}

# As in Ratify, a namespace with resources of its own is judged by them alone.
default _policies := null

_policies := _own if {
	_own != null
} else := data.trust.policies

default _own := null

_own := data.trust.tenants[input.namespace].policies

default _documents := {}

_documents := data.trust.documents

default _namespaces := {}

_namespaces := data.trust.namespaces

# What the policies that count for the image demand besides signers.
_conditions contains data.trust.conditions[statement.name] if {
	some statement in policy.statements(settings.policies, input.image)
}

_conditions contains data.trust.conditions[statement.name] if {
	some statement in policy.statements(policy_settings.namespaced(input, settings), input.image)
}

# METADATA
# title: Why an image is denied although its signers count
# scope: document
# description: A set of errors as a report has them.
objections contains _objection("refused", condition.refused, false) if some condition in _conditions

objections contains _objection("unverified_signature", message, false) if {
	some [demand, asked] in _asked
	signatures := _signatures(demand, asked)
	some digest in _offending(demand.require, _digests(signatures), _digests([s | some s in signatures; s.verified]))
	message := sprintf(_unaccepted, [demand.require, demand.format, digest])
}

objections contains _objection(e.code, message, e.retryable) if {
	some [_, asked] in _asked
	not asked.verdict == "rejected"
	some e in asked.errors
	message := sprintf("not every signature could be judged: %v", [e.message])
}

objections contains _objection("unjudged_artifact", message, false) if {
	some type in _unjudged
	some artifact in _attached.referrers
	_is(type, artifact.artifact_type)
	message := sprintf(_no_judge, [artifact.digest, artifact.artifact_type])
}

objections contains _objection(e.code, message, e.retryable) if {
	count(_unjudged) > 0
	some e in _attached.errors
	message := sprintf("what is attached could not be listed: %v", [e.message])
}

_unaccepted := "Ratify demands %v of the %v signatures, and %v is not accepted"

_no_judge := "%v (%v) is attached, which a verifier of Ratify judged that has no counterpart here"

_objection(code, message, retryable) := {"code": code, "message": message, "stage": "verify", "retryable": retryable}

default _verdict := "rejected"

_verdict := "inconclusive" if {
	not decision.report.verdict == "rejected"
	every o in objections { o.retryable }
}

# Signatures: "all", "any" or "none" of those that are there, counted by manifest.

# By digest, so that a tag that moves cannot show another image.
_asked contains [demand, asked] if {
	decision.allow
	some condition in _conditions
	some demand in condition.signatures

	# lint:ignore unverified-signature a demand is data of the policy, not of a report
	asked := ratify.verify({"image": decision.report.reference, "trust": _documents[demand.trust]})
}

_asked contains [demand, _lost] if {
	decision.allow
	some condition in _conditions
	some demand in condition.signatures

	# lint:ignore unverified-signature a demand is data of the policy, not of a report
	not demand.trust in object.keys(_documents)
}

_lost := {"verdict": "inconclusive", "signatures": [], "errors": [{
	"code": "no_trust_policy",
	"message": "a document of data.trust.conditions is not in data.trust.documents",
	"retryable": false,
}]}

# Ratify does not look at Sigstore bundles.
_signatures(demand, asked) := [s |
	some s in asked.signatures

	# lint:ignore unverified-signature strangers' signatures count: Ratify demands that all are good
	s.format == demand.format

	# lint:ignore unverified-signature as above
	not startswith(s.artifact_type, "application/vnd.dev.sigstore.bundle")
]

_digests(signatures) := {s.digest | some s in signatures}

_offending("all", present, accepted) := present - accepted

_offending("any", present, accepted) := present if count(accepted) == 0

else := set()

_offending("none", present, _) := present

# Other artifacts, of which a signed list is not to be had: they only ever deny.

_unjudged contains type if {
	decision.allow
	some condition in _conditions
	some type in condition.unjudged
}

# lint:ignore unverified-referrers what is attached can only deny
_attached := ratify.referrers(decision.report.reference) if count(_unjudged) > 0

_is(type, type)

_is("*", type) if {
	not type in {"application/vnd.cncf.notary.signature", "application/vnd.dev.cosign.artifact.sig.v1+json"}
}
