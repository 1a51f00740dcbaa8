# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Pattern that matches in the middle
# description: |
#   the pattern also matches where the text merely contains it: a stranger's name may
# custom:
#   severity: error
#   remedy: |
#     write `^…$` around the pattern, compare whole values with `==`, or write the identity into the
#     trust document, where patterns are anchored
package lint.rules.unanchored_pattern

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Regular expressions
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), syntax.text(call.node)) if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name == "regex.match"
	call.args[0].type == "string"
	_is_identity(call.args[1])
	not _anchored(call.args[0].value)
}

# METADATA
# title: Begins, ends and middles
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), syntax.text(call.node)) if {
	some decision in syntax.decisions
	some call in decision.calls
	_is_identity(call.args[0])
	call.args[1].type == "string"
	_runs_on(call.name, call.args[1].value)
}

_runs_on("contains", _)

_runs_on("startswith", text) if not regex.match(`[/@:]$`, text)

_runs_on("endswith", text) if not regex.match(`^[/@:]`, text)

# Alternatives are anchored only inside of a group: `^a|b$` is `^a` or `b$`.
_anchored(pattern) if {
	regex.match(`^\^.*\$$`, pattern)
	not contains(_without_groups(pattern), "|")
}

_without_groups(pattern) := regex.replace(regex.replace(pattern, `\([^()]*\)`, ""), `\([^()]*\)`, "")

_is_identity(term) if syntax.last(term) in _identities

_is_identity(term) if {
	term.type == "ref"
	term.value[count(term.value) - 2].value in {"annotations", "claims"}
}

_is_identity(term) if {
	term.type == "var"
	term.value in _identities
}

_identities := {"identity", "issuer", "oidc_issuer", "subject"}
