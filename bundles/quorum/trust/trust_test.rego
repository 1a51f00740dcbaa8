# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.policy_settings
import data.trust

test_data_has_no_mistakes if {
	faults := policy_settings.faults({"image": "registry.example/acme/app"}, trust.settings)
	print(faults) # regal ignore:print-or-trace-call
	faults == []
}

# Images say by their tags who signed them.
_by(signers) := sprintf("registry.example/acme/app:by-%s", [concat("-", signers)])

_all := {"release", "build", "scanner"}

test_two_of_three_are_enough if {
	trust.allow with input.image as _by(_all) with ratify.verify as _verify
	every absent in _all {
		trust.allow with input.image as _by(_all - {absent}) with ratify.verify as _verify
	}
}

test_one_is_not_enough if {
	every signer in _all {
		answer := trust with input.image as _by({signer}) with ratify.verify as _verify
		answer.allow == false
		contains(answer.reasons[0], "1 of the 2 demanded signers vouch for it by different keys")
	}
}

test_one_key_counts_once if {
	not trust.allow with input.image as _by(_all) with ratify.verify as _same_key
}

test_other_images_are_denied if {
	other := replace(_by(_all), "/acme/", "/acme-evil/")
	not trust.allow with input.image as other with ratify.verify as _verify
}

_verify(request) := _report(request, name) if {
	some name, document in trust.documents
	request.trust == document
	contains(request.image, name)
} else := object.union(_report(request, ""), {"verified": false, "verdict": "rejected", "signatures": []})

_same_key(request) := _report(request, "one")

_report(request, key) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": "verified", "verified": true, "platforms": [], "errors": [],
	"signatures": [{"digest": key, "verified": true, "signer": {"fingerprint": key}}],
}
