# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Policy for images from anywhere
# description: |
#   an image that somebody copied to a registry of theirs, old and with known holes perhaps, is admitted
#   from there
# custom:
#   severity: warning
#   remedy: |
#     name the registries and repositories your images come from, `registry.example/team`
package lint.rules.any_scope

import data.lint.finding
import data.lint.places

# METADATA
# title: Scopes of policies
# description: Policies of a namespace only add demands; for them any scope is right.
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), "the scope `*`") if {
	some document in input.documents
	walk(document.value, [path, policies])
	path[count(path) - 1] == "policies"
	not "namespaces" in array.concat(document.path, path)
	some i, policy in policies
	some j, "*" in policy.scopes
	pointer := sprintf("%s/%d/scopes/%d", [places.pointer(path), i, j])
}
