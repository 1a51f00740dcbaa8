# SPDX-License-Identifier: Apache-2.0
package system.health_test

import data.system.health

test_ready_when_gatekeeper_would_be_answered if {
	every state in ["OK", "WARN"] {
		_ready({"ratify": state}, {"value": {"isSuccess": false}})
		_ready({"ratify": state, "bundle": "OK"}, {"value": {"isSuccess": true}})
	}
}

test_not_ready_when_the_plugin_cannot_work if {
	every states in [{"ratify": "ERROR"}, {"ratify": "NOT_READY"}, {}, null] {
		not _ready(states, {"value": {}})
	}
}

test_not_ready_before_the_bundle_is_active if {
	every state in ["NOT_READY", "ERROR"] {
		not _ready({"ratify": "OK", "bundle": state}, {"value": {}})
	}
}

test_not_ready_without_an_answer if {
	every answer in [{"undecided": "no trust policy is loaded"}, {"error": "x"}, {}, null] {
		not _ready({"ratify": "OK"}, answer)
	}
}

test_not_ready_without_a_policy if not health.ready with input as _input({"ratify": "OK"})

test_ready_with_one if {
	health.ready with input as _input({"ratify": "OK"})
		with data.trust as {"allow": false, "reasons": ["no signature"], "report": {}}
}

test_not_ready_without_input if not health.ready with input as {}

_ready(states, answer) if {
	health.ready with input as _input(states) with data.ratify.gatekeeper.item as answer
}

_input(states) := {"plugin_state": states, "plugins_ready": false}
