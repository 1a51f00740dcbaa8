# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Signature that counts unverified
# description: |
#   a report lists every signature that is attached, those of strangers too: anybody who may write to
#   the repository can attach one
# custom:
#   severity: error
#   remedy: |
#     ask for `.verified` of the very signature (`some s in report.signatures; s.verified; …`), or
#     take `report.accepted(…)` and `report.signers(…)` of `data.ratify.report`
package lint.rules.unverified_signature

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Elements taken into a variable
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, ref), syntax.text(ref)) if {
	some decision in _admitting
	some element in syntax.elements(decision, _lists)
	some ref in decision.refs
	ref.value[0].value == element.var
	_telling(ref.value[1])
	not _asked(decision, [ref.value[0]])
}

# METADATA
# title: Elements looked at in place
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, ref), syntax.text(ref)) if {
	some decision in _admitting
	some ref in decision.refs
	some i, part in ref.value
	part.value in _lists
	part.type == "string"
	_telling(ref.value[i + 2])
	not _asked(decision, array.slice(ref.value, 0, i + 2))
}

# METADATA
# title: Elements of a list with another name
# description: After `list := report.signatures`, `list[_].signer`.
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, ref), syntax.text(ref)) if {
	some decision in _admitting
	some call in decision.calls
	call.name in {"assign", "eq"}
	syntax.last(call.args[1]) in _lists
	some ref in decision.refs
	ref.value[0].value == call.args[0].value
	_telling(ref.value[2])
	not _asked(decision, array.slice(ref.value, 0, 2))
}

# METADATA
# title: Counted lists
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, compared.node), syntax.text(compared.node)) if {
	some decision in _admitting
	some compared in decision.calls
	compared.name in {"equal", "eq", "neq", "gt", "gte", "lt", "lte"}
	some counted in compared.args
	counted.type == "call"
	syntax.dotted(counted.value[0].value) == "count"
	syntax.last(counted.value[1]) in _lists
}

_lists := {"signatures", "attestations", "artifacts"}

# Content is given of verified ones only; errors and checks are there to be reported.
_telling(part) if {
	part.type == "string"
	not part.value in {"verified", "errors", "checks", "statement", "contents"}
}

# _asked tells whether `verified` of the same element is asked for.
_asked(decision, element) if {
	some ref in decision.refs
	ref.value[count(element)].value == "verified"
	_plain(array.slice(ref.value, 0, count(element))) == _plain(element)
}

# _plain leaves out where the parts are written.
_plain(parts) := {[path, value] |
	walk(parts, [path, value])
	not is_object(value)
	not is_array(value)
	not "location" in path
}

_admitting := [decision |
	some decision in syntax.decisions
	decision.name in syntax.reachable(decision["package"], syntax.answers)
	not syntax.refuses(decision.name)
]
