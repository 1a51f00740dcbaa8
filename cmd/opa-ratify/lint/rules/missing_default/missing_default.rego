# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Answer that may be undefined
# description: |
#   whoever asks gets no answer at all, and many a client takes that for consent
# custom:
#   severity: error
#   remedy: |
#     add `default allow := false`
package lint.rules.missing_default

import data.lint.finding
import data.lint.syntax

# METADATA
# title: allow without a default
findings contains finding.of(rego.metadata.chain(), syntax.at(first, first.rule.head), what) if {
	some first in syntax.decisions
	_answers(first)
	not _has_default(first["package"])
	not _earlier(first)
	what := sprintf("`allow` in package %s has no default", [first["package"]])
}

_answers(decision) if {
	decision.name == "allow"
	not decision.rule.default
	not decision.rule.head.key
	not decision.rule.head.args
	count(decision.rule.head.ref) == 1
}

_has_default(package_) if {
	some decision in syntax.decisions
	decision["package"] == package_
	decision.name == "allow"
	decision.rule.default
}

# One finding is enough.
_earlier(decision) if {
	some i, other in syntax.decisions
	other["package"] == decision["package"]
	_answers(other)
	i < _index(decision)
}

_index(decision) := min({i | some i, other in syntax.decisions; other == decision})
