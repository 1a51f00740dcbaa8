# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Whether a pod is to be asked
# description: |
#   What `GET /health/ready` answers by. A pod that lives on the last good keys,
#   resources or configuration (WARN) goes on answering; else all pods would go at once
#   when a key service or the API server is away. A registry that is down makes no pod
#   unready: no registry is asked.
package system.health

import data.ratify.gatekeeper

default ready := false

ready if count(_told) == 0

_told contains obstacle if {
	some obstacle in _obstacles
	print("not ready:", obstacle) # regal ignore:print-or-trace-call
}

_obstacles contains "the bundle is not active yet" if not _bundles_active

_obstacles contains sprintf("the plugin ratify is %v", [_plugin]) if {
	not _plugin in {"OK", "WARN"}
}

_obstacles contains _undecided if not _answer.value

# The plugin of this name is there only where OPA fetches bundles.
_bundles_active if object.get(input.plugin_state, "bundle", "OK") == "OK"

default _plugin := "not there"

_plugin := input.plugin_state.ratify

default _undecided := "Gatekeeper would get no answer"

_undecided := _answer.undecided

_answer := answer if {
	answer := gatekeeper.item with input as _question # regal ignore:with-outside-test-context
}

# No image can have this name, so no registry is asked.
_question := {"key": "", "image": "?", "namespace": "", "operation": "verify"}
