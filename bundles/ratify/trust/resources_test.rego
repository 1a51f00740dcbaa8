# SPDX-License-Identifier: Apache-2.0

package trust_test

import data.trust

_resources := {"trust": {
	"policies": _policies,
	"documents": _documents,
	"namespaces": {},
	"conditions": _conditions,
}}

_asked := _input("registry.example/app:notation-good", "")

test_the_resources_decide if {
	answer := trust with input as _asked
		with data.ratify_resources as _resources
		with ratify.verify as _verify
		with ratify.referrers as _referrers
	answer.allow == true
	answer.reasons == []
}

test_nothing_is_allowed_before_the_resources_are_read if {
	answer := trust with input as _asked
		with data.ratify_resources as {"pending": "the API server does not answer"}
		with ratify.verify as _verify
	answer.allow == false
	answer.report.verdict == "inconclusive"
	answer.reasons == ["no_trust_policy: the API server does not answer"]
}

test_nothing_is_allowed_where_no_resources_are_watched if {
	answer := trust with input as _asked with ratify.verify as _verify
	answer.allow == false
	answer.reasons == ["no_trust_policy: no resources are watched; set plugins.ratify.resources.watch: kubernetes"]
}

test_no_resources_allow_nothing if {
	every wrong in [{}, {"trust": null}, {"trust": {}}, {"trust": {"policies": []}}, null, false, 7] {
		allow := trust.allow with input as _asked with data.ratify_resources as wrong with ratify.verify as _verify
		allow == false
	}
}
