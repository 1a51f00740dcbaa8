# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Date that nobody reads
# description: |
#   no policy of the bundle asks what time it is: what should end with that date never does
# custom:
#   severity: warning
#   remedy: |
#     take `data.ratify.exemption`, or compare with `time.now_ns()` and `time.parse_rfc3339_ns`
package lint.rules.unread_expiry

import data.lint.finding
import data.lint.places
import data.lint.syntax

# METADATA
# title: Dates in data
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	not _clock_is_asked
	count(syntax.decisions) > 0
	some document in input.documents
	walk(document.value, [path, date])
	name := path[count(path) - 1]
	name in {"expires", "expires_at", "expiry", "until", "valid_until"}
	is_string(date)
	not "cosign" in path
	pointer := places.pointer(path)
	what := sprintf("`%s: %v`", [name, date])
}

_clock_is_asked if {
	some decision in syntax.decisions
	some call in decision.calls
	call.name == "time.now_ns"
}

# The library reads exemptions, and knows the time.
_clock_is_asked if {
	some module in input.modules
	some imported in module.ast.imports
	startswith(syntax.dotted(imported.path.value), "data.ratify.")
}
