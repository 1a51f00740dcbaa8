# SPDX-License-Identifier: Apache-2.0
package system.authz_test

import data.system.authz

test_webhooks_and_probes if {
	every path in ["response", "mutation"] {
		authz.allow with input as {"method": "POST", "path": ["v0", "data", "ratify", "admission", path]}
	}
	every path in ["health", "metrics"] {
		authz.allow with input as {"method": "GET", "path": [path]}
	}
}

test_nothing_else if {
	every request in [
		{"method": "PUT", "path": ["v1", "policies", "trust"]},
		{"method": "PUT", "path": ["v0", "data", "ratify", "admission", "response"]},
		{"method": "POST", "path": ["v1", "data", "trust"]},
		{"method": "POST", "path": ["v0", "data", "ratify", "admission"]},
		{"method": "POST", "path": ["health"]},
		{},
	] {
		not authz.allow with input as request
	}
}
