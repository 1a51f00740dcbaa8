# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Images looked for by hand
# description: |
#   a pod has init containers, ephemeral containers and image volumes too, and workloads have pod
#   templates: what is not looked at runs unverified
# custom:
#   severity: error
#   remedy: |
#     `import data.ratify.images` and write `some image in images.references`
package lint.rules.images_by_hand

import data.lint.finding
import data.lint.syntax

# METADATA
# title: Images of containers
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, ref), syntax.text(ref)) if {
	some decision in syntax.decisions
	some ref in decision.refs
	some i, part in ref.value
	part.value in _lists
	ref.value[i + 2].value == "image"
}

# METADATA
# title: Images of containers taken into a variable
findings contains finding.of(rego.metadata.chain(), syntax.at(decision, element.ref), syntax.text(element.ref)) if {
	some decision in syntax.decisions
	some element in syntax.elements(decision, _lists)
	some ref in decision.refs
	ref.value[0].value == element.var
	ref.value[1].value == "image"
}

_lists := {"containers", "initContainers", "ephemeralContainers"}
