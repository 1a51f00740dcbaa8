# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signers and thresholds, nested
# description: |
#   Reads and checks the signers of a policy where they are more than a list of trust
#   documents. A signer is one of
#
#   - a trust document or the name of one: a signature it accepts;
#   - {"attestation": predicate type, "trust": a trust document or the name of one}: an
#     attestation of that type which it accepts, whatever it says: what must be said is
#     for the topics about content;
#   - {"signers": [...], "require": ...}: that many of these, as in a policy.
#
#   The first two are leaves. Of a policy there are at most eight, at most four lists deep.
#   Leaves are told by their place: an array of the numbers of the signers on the way to
#   it, from 0.
package ratify.threshold

# METADATA
# title: Whether signers are more than trust documents
# scope: document
# description: |
#   True if one of a policy's signers is an attestation or has signers of its own, or
#   looks as if it was meant to; else false.
default composed(_) := false

composed(statement) if {
	some signer in statement.signers
	_marked(signer)
}

# No trust document has these keys.
_marked(signer) if {
	is_object(signer)
	some mark in ["attestation", "require", "signers", "trust"]
	_ = signer[mark]
}

_group_keys := {"signers", "require"}

_attestation_keys := {"attestation", "trust"}

# METADATA
# title: How many signers are demanded
# description: |
#   Given a policy or a signer with signers of its own, a number from 1 to the number of
#   its signers.
demanded(node) := 1 if node.require == "any"

else := node.require.threshold if node.require.threshold

else := count(node.signers) if is_array(node.signers)

else := 1

# METADATA
# title: The leaves of a policy
# description: |
#   An array of {"place", "signer"}, in the order in which they are written.
leaves(statement) := [node | some node in _nodes(statement); not _is_group(node.signer)] if composed(statement)

else := [{"place": [i], "signer": signer} | some i, signer in statement.signers]

_is_group(signer) if {
	is_object(signer)
	count(object.keys(signer) & _group_keys) > 0
}

# Every signer at whatever depth.
_nodes(statement) := [{"place": place, "signer": signer} |
	walk(statement, [steps, signer])
	place := [step | some i, step in steps; i % 2 == 1]
	count(place) > 0
	steps == [step | some i in place; some step in ["signers", i]]
]

# METADATA
# title: Whether enough of the leaves vouch
# description: |
#   Given a policy and the set of the places of leaves that vouch, true if each
#   threshold is met, from the innermost out; else undefined.
met(statement, places) if {
	_enough(statement, [i | some i, signer in statement.signers; _met_1(signer, [i], places)])
}

_enough(node, vouching) if count(vouching) >= demanded(node)

# Rego has no recursion: a rule for each depth.
_met_1(_, place, places) if place in places

_met_1(node, place, places) if {
	_enough(node, [i | some i, signer in node.signers; _met_2(signer, array.concat(place, [i]), places)])
}

_met_2(_, place, places) if place in places

_met_2(node, place, places) if {
	_enough(node, [i | some i, signer in node.signers; _met_3(signer, array.concat(place, [i]), places)])
}

_met_3(_, place, places) if place in places

_met_3(node, place, places) if {
	_enough(node, [i | some i, _ in node.signers; array.concat(place, [i]) in places])
}

_deepest := 4

# METADATA
# title: Who vouches and who is missing
# description: |
#   Given a policy, the set of the places of leaves that vouch, and an object of what is
#   wrong with the others by place, {"count", "demanded", "text"}: of the policy's own
#   signers so many of so many, and who they are, for people.
standing(statement, places, wrong) := {
	"count": count(vouching),
	"demanded": demanded(statement),
	"text": concat("; missing: ", [_joined(vouching), concat(", ", missing)]),
} if {
	vouching := [_who(signer, [i], places) | some i, signer in statement.signers; _met_1(signer, [i], places)]
	missing := [_lack(signer, [i], places, wrong) | some i, signer in statement.signers; not _met_1(signer, [i], places)]
}

_joined(names) := "nobody" if names == []

else := concat(", ", names)

_who(signer, place, places) := label(place, signer) if not _is_group(signer)

else := sprintf("(%s)", [concat(", ", [label(leaf.place, leaf.signer) |
	some leaf in _below(signer, place)
	leaf.place in places
])])

_lack(signer, place, places, wrong) := _said({"place": place, "signer": signer}, places, wrong) if not _is_group(signer)

else := sprintf("%d of (%s)", [demanded(signer), concat(", ", [_said(leaf, places, wrong) |
	some leaf in _below(signer, place)
])])

_below(signer, place) := [object.union(leaf, {"place": array.concat(place, leaf.place)}) |
	some leaf in _nodes(signer)
	not _is_group(leaf.signer)
]

_said(leaf, places, wrong) := label(leaf.place, leaf.signer) if leaf.place in places

else := sprintf("%s (%s)", [label(leaf.place, leaf.signer), object.get(wrong, [leaf.place], "not verified")])

# METADATA
# title: What to call a leaf
# description: |
#   The name of its trust document, or its number (`signer 2.1` is the first of the
#   second) if that is written in its place; and whether it is an attestation.
label(place, signer) := sprintf("%s attestation", [_name(place, signer.trust)]) if signer.attestation

else := _name(place, signer)

_name(place, trust) := trust if is_string(trust)

else := sprintf("signer %s", [concat(".", [sprintf("%d", [i + 1]) | some i in place])])

# METADATA
# title: Mistakes in the signers
# description: |
#   Given a policy whose signers are composed, and the trust documents by name, the set
#   of lines that say what is wrong and where; empty if nothing is.
faults(statement, documents) := {sprintf("%s: %s", [_path(node.place), fault]) |
	some node in _nodes(statement)
	some fault in _node_faults(node, documents)
} | {sprintf("must have at most %d signers in all", [_most_leaves]) | count(leaves(statement)) > _most_leaves}

# Bounded because signers are matched with keys in every combination.
_most_leaves := 8

_path(place) := concat(".", [sprintf("signers[%v]", [i]) | some i in place])

_node_faults(node, documents) := _group_faults(node) if {
	_is_group(node.signer)
} else := _attestation_faults(node.signer, documents) if {
	_marked(node.signer)
} else := _trust_faults(node.signer, documents)

_group_faults(node) := union({
	_unknown_keys(node.signer, _group_keys),
	{"signers must be a list of one or more" | not _listed(node.signer)},
	{sprintf("signers within signers end at a depth of %d", [_deepest]) | count(node.place) >= _deepest},
	require_faults(node.signer),
})

_listed(signer) if {
	is_array(signer.signers)
	count(signer.signers) > 0
}

_attestation_faults(signer, documents) := union({
	_unknown_keys(signer, _attestation_keys),
	{"attestation must be a predicate type" | not _is_type(object.get(signer, "attestation", ""))},
	_trust_faults(object.get(signer, "trust", null), documents),
})

_is_type(value) if {
	is_string(value)
	value != ""
}

_trust_faults(trust, documents) := set() if {
	_is_document(object.get(documents, [trust], trust))
} else := {sprintf("%s: not a trust document, and no name of one in data.trust.documents", [json.marshal(trust)])}

_is_document(value) if {
	is_object(value)
	not _marked(value)
}

_unknown_keys(signer, known) := {sprintf("unknown key %v; there are %s", [key, concat(", ", sort(known))]) |
	some key in object.keys(signer)
	not key in known
}

# METADATA
# title: Mistakes in what is demanded
# description: |
#   Given a policy or a signer with signers of its own, a set with a line if "require" is
#   there and is none; else empty.
require_faults(node) := set() if {
	not "require" in object.keys(node)
} else := set() if {
	node.require in {"any", "all"}
	is_array(node.signers)
} else := set() if {
	object.keys(node.require) == {"threshold"}
	node.require.threshold in numbers.range(1, count(node.signers))
} else := {`require goes with signers and is "all", "any" or {"threshold": 1 to the number of signers}`}
