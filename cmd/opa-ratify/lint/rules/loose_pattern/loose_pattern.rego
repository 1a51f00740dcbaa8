# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Pattern that runs on
# description: |
#   the wildcard begins in the middle of a name, so that the pattern also matches longer names, which
#   anybody can register: `acme.*` is `acme-evil` too
# custom:
#   severity: error
#   remedy: |
#     end the name with what ends it (`acme/.*`, `acme@.*`), or name the repository and workflow exactly
package lint.rules.loose_pattern

import data.lint.finding
import data.lint.places

# METADATA
# title: Patterns of identities
findings contains finding.of(rego.metadata.chain(), places.at(document, pointer), what) if {
	some document in input.trust
	some i, identity in document.value.cosign.identities
	some name in ["issuer_regexp", "subject_regexp"]
	is_string(identity[name])
	_loose(_name(identity[name]))
	pointer := sprintf("/cosign/identities/%d/%s", [i, name])
	what := sprintf("`%s`", [identity[name]])
}

# _name is the part of a pattern before the ref: `@refs/tags/v.*` is as it should be.
_name(pattern) := split(pattern, "@refs/")[0]

# A wildcard after a letter, digit or hyphen, or before one that begins a domain.
_loose(pattern) if regex.match(`[A-Za-z0-9_-]\.[*+]`, pattern)

_loose(pattern) if regex.match(`[A-Za-z0-9_-]\[\^[^]]*\][*+]`, pattern)

_loose(pattern) if {
	not contains(pattern, "://")
	regex.match(`\.[*+][A-Za-z0-9][A-Za-z0-9-]*(\\\.[A-Za-z0-9-]+)+$`, pattern)
}
