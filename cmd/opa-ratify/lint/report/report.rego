# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# scope: package
# title: Comment that silences nothing
# description: a comment `lint:ignore` needs the name of a rule, a reason, and a finding to silence
# custom:
#   name: ignore
#   severity: warning
#   remedy: write `# lint:ignore rule reason` on the line of the finding or above it, or remove the comment
package lint.report

import data.lint.finding

# METADATA
# scope: document
# title: What is found
# description: |
#   The set of all findings of the packages `data.lint.rules`, without those that a
#   comment silences, and with those about comments.
findings contains found if {
	some found in _all
	not _silenced(found)
}

findings contains finding.of(rego.metadata.chain(), _place(ignore), what) if {
	some ignore in input.ignores
	some what in _objections(ignore)
}

_all contains found if {
	some rule in data.lint.rules
	some found in rule.findings
}

_silenced(found) if {
	some ignore in input.ignores
	_silences(ignore, found)
}

_silences(ignore, found) if {
	ignore.rule == found.rule
	ignore.reason != ""
	ignore.file == found.location.file
	ignore.covers == found.location.row
}

_objections(ignore) := {"no rule is named"} if ignore.rule == ""

_objections(ignore) := {sprintf("no reason is given for silencing %s", [ignore.rule])} if {
	ignore.rule != ""
	ignore.reason == ""
}

_objections(ignore) := {sprintf("%s finds nothing here", [ignore.rule])} if {
	ignore.rule != ""
	ignore.reason != ""
	not _useful(ignore)
}

_useful(ignore) if {
	some found in _all
	_silences(ignore, found)
}

_place(ignore) := {"file": ignore.file, "row": ignore.row, "col": ignore.col}
