# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Settings of decisions by data
# description: |
#   Reads and checks the settings that `data.ratify.policy` decides by.
package ratify.policy_settings

# METADATA
# title: Mistakes in the settings
# description: |
#   An array of lines that name what is wrong and where, in the cluster's list and in
#   that of the request's namespace; empty if nothing is. Lists of other namespaces
#   are left alone: a mistake there is theirs.
faults(request, settings) := [] if {
	is_string(request.image)
	namespace := object.get(request, "namespace", "")
	is_string(namespace)
	_standing_faults(namespace, settings) == set()
} else := sort(_request_faults(request) | _standing_faults(_namespace(request), settings))

# Those that do not depend on the image: the plugin's routes keep what it answers.
_standing_faults(namespace, settings) := _cluster_faults(settings) | _namespace_faults(namespace, settings)

# METADATA
# title: Policies of the namespace
# description: The array of policies that the request's namespace adds; empty if it adds none.
namespaced(request, settings) := object.get(settings, ["namespaces", _namespace(request), "policies"], [])

# METADATA
# title: Trust documents of a policy
# description: An array of the trust documents of a policy, named ones looked up; one, or one per signer.
trusts(statement, settings) := _named(statement, object.get(settings, "documents", null))

# The plugin's routes keep what it answers.
_named(statement, documents) := [_document(trust, documents) | some trust in _trusts(statement)]

# METADATA
# title: How many signers a policy demands
# description: A number from 1 to the number of its signers.
demanded(statement) := 1 if statement.require == "any"

else := statement.require.threshold if statement.require.threshold

else := count(_trusts(statement))

_trusts(statement) := statement.signers if is_array(statement.signers)

else := [statement.trust]

_document(trust, _) := trust if is_object(trust)

_document(trust, documents) := documents[trust] if is_string(trust)

_namespace(request) := object.get(request, "namespace", "")

_request_faults(request) := {sprintf("input.%s is not a string", [field]) |
	some field in ["image", "namespace"]
	not is_string(object.get(request, field, _absent[field]))
}

_absent := {"image": null, "namespace": ""}

_cluster_faults(settings) := _list_faults(object.get(settings, "policies", null), settings, "data.trust.policies") if {
	count(_shape_faults(settings)) == 0
} else := _shape_faults(settings)

_shape_faults(settings) := {sprintf("data.trust.%s must be an object, is %s", [key, type_name(value)]) |
	some key in ["documents", "namespaces"]
	value := object.get(settings, key, {})
	not is_object(value)
}

_namespace_faults(namespace, settings) := _section_faults(section, settings, path) if {
	section := settings.namespaces[namespace]
	path := sprintf("data.trust.namespaces.%s", [namespace])
} else := set()

_section_faults(section, settings, path) := _list_faults(section.policies, settings, _below(path)) if {
	object.keys(section) == {"policies"}
} else := {sprintf("%s must be an object with the one key policies", [path])}

_below(path) := sprintf("%s.policies", [path])

_list_faults(list, settings, path) := {sprintf("%s must be a list of policies, is %s", [path, type_name(list)])} if {
	not is_array(list)
} else := {sprintf("%s[%d]: %s", [path, i, fault]) |
	some i, statement in list
	some fault in _statement_faults(statement, settings)
}

_statement_faults(statement, settings) := {"must be an object with name, scopes and trust"} if not is_object(statement)

else := union({
	_key_faults(statement),
	_name_faults(statement),
	_scope_faults(statement),
	_trust_faults(statement, settings),
	_require_faults(statement),
	_enforcement_faults(statement),
})

_keys := {"name", "scopes", "trust", "signers", "require", "enforcement"}

_key_faults(statement) := {sprintf("unknown key %v; a policy has %s", [key, concat(", ", sort(_keys))]) |
	some key in object.keys(statement)
	not key in _keys
}

_name_faults(statement) := set() if is_string(statement.name)

else := {"name must be a string"}

_scope_faults(statement) := set() if {
	is_array(statement.scopes)
	count(statement.scopes) > 0
	every scope in statement.scopes { is_string(scope) }
} else := {`scopes must be a list of patterns such as "registry.example/team", or "*"`}

_trust_faults(statement, settings) := {fault |
	some trust in _trusts(statement)
	not _found(trust, settings)
	fault := sprintf("%s: not a trust document, and no name of one in data.trust.documents", [json.marshal(trust)])
} if {
	count(object.keys(statement) & {"trust", "signers"}) == 1
	_signers_listed(statement)
} else := {sprintf("must have either trust or signers, a list of 1 to %d", [_most_signers])}

_found(trust, settings) if is_object(_document(trust, object.get(settings, "documents", null)))

# Bounded because signers are matched with keys in every combination.
_most_signers := 10

_signers_listed(statement) if not "signers" in object.keys(statement)

_signers_listed(statement) if {
	is_array(statement.signers)
	count(statement.signers) in numbers.range(1, _most_signers)
}

_require_faults(statement) := set() if {
	not "require" in object.keys(statement)
} else := set() if {
	statement.require in {"any", "all"}
	is_array(statement.signers)
} else := set() if {
	object.keys(statement.require) == {"threshold"}
	statement.require.threshold in numbers.range(1, count(statement.signers))
} else := {`require goes with signers and is "all", "any" or {"threshold": 1 to the number of signers}`}

# METADATA
# title: What becomes of an image that a policy rejects
# description: |
#   "deny" (also if the policy says nothing), "warn" or "dryrun".
enforcement(statement) := object.get(statement, "enforcement", "deny")

_enforcement_faults(statement) := {"enforcement is deny, warn or dryrun" |
	not enforcement(statement) in {"deny", "warn", "dryrun"}
}
