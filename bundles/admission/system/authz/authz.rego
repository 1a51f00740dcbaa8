# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: What the API server may ask
# description: |
#   With `--authorization=basic`: the two webhooks and the probes, and nothing else.
#   Without it whoever reaches OPA may change its policies.
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path in {
		["v0", "data", "ratify", "admission", "response"],
		["v0", "data", "ratify", "admission", "mutation"],
	}
}

allow if {
	input.method == "GET"
	input.path in {["health"], ["metrics"]}
}
