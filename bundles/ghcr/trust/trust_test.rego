# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	faults := policy_settings.faults({"image": "ghcr.io/acme/app"}, trust.settings)
	print(faults) # regal ignore:print-or-trace-call
	faults == []
}

test_every_trust_store_that_is_named_is_there if {
	every document in trust.documents {
		every statement in document.notation.trust_policy.trustPolicies {
			every store in statement.trustStores { count(document.notation.trust_stores[store]) > 0 }
		}
	}
}

# What the rules make of it

_policies := [{"name": "sample", "scopes": ["ghcr.io/acme"], "trust": "sample"}]

_documents := {"sample": {"notation": "sample"}}

_asked(image) := answer if {
	answer := trust with input.image as image
		with trust.policies as _policies
		with trust.documents as _documents
		with ratify.verify as _verify
}

test_signed_images_are_admitted if _asked("ghcr.io/acme/app:signed").allow == true

test_unsigned_images_are_denied_with_a_reason if {
	answer := _asked("ghcr.io/acme/app:v1")
	answer.allow == false
	answer.reasons == [`policy "sample": no_signature: not signed`]
}

test_images_of_others_are_denied if {
	every image in ["ghcr.io/acme-evil/app:signed", "ghcr.io.example/acme/app:signed", "acme/app:signed"] {
		answer := _asked(image)
		answer.allow == false
		contains(answer.reasons[0], "no scope in data.trust.policies covers")
	}
}

# Images say by their tags whether they are signed.
_verify(request) := _report(request, "verified") if {
	request.trust == _documents.sample
	endswith(request.image, ":signed")
} else := _report(request, "rejected")

_report(request, verdict) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified", "platforms": [],
	"signatures": [{"digest": "sha256:2", "verified": verdict == "verified", "signer": {"fingerprint": "3"}}],
	"errors": [e |
		verdict == "rejected"
		e := {"code": "no_signature", "message": "not signed", "stage": "verify", "retryable": false}
	],
}
