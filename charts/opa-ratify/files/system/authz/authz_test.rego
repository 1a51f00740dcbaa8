# SPDX-License-Identifier: Apache-2.0
package system.authz_test

import data.system.authz

test_gatekeeper_may_ask if {
	every operation in ["verify", "mutate"] {
		authz.allow with input as {"method": "POST", "path": ["ratify", "gatekeeper", "v1", operation]}
	}
}

test_probes_may_ask if {
	every path in [["health"], ["health", "ready"], ["metrics"]] {
		authz.allow with input as {"method": "GET", "path": path}
	}
}

test_nothing_else_may_be_asked if {
	every request in [
		{"method": "PUT", "path": ["v1", "policies", "trust"]},
		{"method": "PUT", "path": ["ratify", "gatekeeper", "v1", "verify"]},
		{"method": "GET", "path": ["v1", "data"]},
		{"method": "POST", "path": ["v1", "data", "trust"]},
		{"method": "POST", "path": ["ratify"]},
		{"method": "GET", "path": ["health", "..", "v1"]},
		{"method": "GET", "path": ["health", "ready", "v1"]},
		{},
	] {
		not authz.allow with input as request
	}
}
