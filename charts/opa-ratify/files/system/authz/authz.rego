# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: What may be asked
# description: |
#   With `--authorization=basic`: the routes of Gatekeeper, probes and metrics, and
#   nothing else. Without it whoever reaches OPA may change its policies.
package system.authz

default allow := false

allow if {
	input.method == "POST"
	array.slice(input.path, 0, 2) == ["ratify", "gatekeeper"]
}

allow if {
	input.method == "GET"
	input.path in {["health"], ["health", "ready"], ["metrics"]}
}
