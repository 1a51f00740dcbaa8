# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Any workflow of a repository
# description: |
#   whoever may push a branch to the repository can sign with a workflow of their own
# custom:
#   severity: warning
#   remedy: |
#     name the `workflow` and the `ref` that release, `.github/workflows/release.yml` and `refs/heads/main`
package lint.rules.any_workflow

import data.lint.finding
import data.lint.places

# METADATA
# title: Identities of builds
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	some document in input.trust
	some i, identity in document.value.cosign.identities
	some claim in ["repository", "owner", "repository_id", "owner_id"]
	identity[claim]
	missing := [name | some name in ["workflow", "ref"]; not _said(identity, name)]
	count(missing) > 0
	not identity.subject
	not identity.commit
	pointer := sprintf("/cosign/identities/%d", [i])
	what := sprintf("the identity says no %s", [concat(" and no ", missing)])
}

_said(identity, name) if identity[name]

# The workflow's own ref, of a workflow that signs for others.
_said(identity, "ref") if {
	is_string(identity.workflow)
	contains(identity.workflow, "@")
}
