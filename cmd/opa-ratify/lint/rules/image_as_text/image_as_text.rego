# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Image compared as text
# description: |
#   the same image has many spellings (`nginx`, `docker.io/library/nginx`, a port, a digest), and text
#   matches in the middle of a stranger's: `registry.example` is the begin of `registry.example.evil`
# custom:
#   severity: error
#   remedy: |
#     use `ratify.reference.matches("registry.example/team/**", image)`, or the parts that
#     `ratify.reference.parse(image)` gives
package lint.rules.image_as_text

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Text functions
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, call.node), syntax.text(call.node)) if {
	some decision in syntax.decisions
	some call in decision.calls
	some subject in _subjects[call.name]
	_is_image(call.args[subject])
}

_subjects := {
	"contains": [0],
	"endswith": [0],
	"glob.match": [2],
	"indexof": [0],
	"regex.match": [1],
	"split": [0],
	"startswith": [0],
	"strings.any_prefix_match": [0],
	"strings.any_suffix_match": [0],
}

_is_image(term) if syntax.last(term) in {"image", "reference"}

_is_image(term) if {
	term.type == "var"
	term.value in {"image", "reference", "ref"}
}
