# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	faults := policy_settings.faults({"image": "acrname1.azurecr.io/app"}, trust.settings)
	print(faults) # regal ignore:print-or-trace-call
	faults == []
}

test_every_trust_store_that_is_named_is_there if {
	every document in trust.documents {
		every statement in object.get(document, ["notation", "trust_policy", "trustPolicies"], []) {
			every store in statement.trustStores { count(document.notation.trust_stores[store]) > 0 }
		}
	}
}

# Two lines of one version are one line and a slip.
test_every_version_is_listed_once if {
	every document in trust.documents {
		keys := object.get(document, ["cosign", "keys"], [])
		count(keys) == count({key | some key in keys})
	}
}

# What the rules make of it

_policies := [
	{"name": "acrname1", "scopes": ["acrname1.azurecr.io"], "signers": ["notation", "akv1"], "require": "any"},
	{"name": "acrname2", "scopes": ["acrname2.azurecr.io"], "trust": "akv2"},
]

_documents := {"notation": {"notation": "certificate"}, "akv1": {"cosign": "akv1"}, "akv2": {"cosign": "akv2"}}

_asked(image) := answer if {
	answer := trust with input.image as image
		with trust.policies as _policies
		with trust.documents as _documents
		with ratify.verify as _verify
}

test_either_signer_admits if {
	_asked("acrname1.azurecr.io/app:by-certificate").allow == true
	_asked("acrname1.azurecr.io/app:by-akv1").allow == true
	_asked("acrname2.azurecr.io/app:by-akv2").allow == true
}

test_unsigned_images_are_denied_with_a_reason if {
	answer := _asked("acrname2.azurecr.io/app:v1")
	answer.allow == false
	answer.reasons == [`policy "acrname2": no_signature: not signed`]
}

test_keys_of_one_registry_do_not_sign_for_another if {
	_asked("acrname1.azurecr.io/app:by-akv2").allow == false
	_asked("acrname2.azurecr.io/app:by-akv1").allow == false
	_asked("acrname2.azurecr.io/app:by-certificate").allow == false
}

test_other_registries_are_denied if {
	every host in ["acrname3.azurecr.io", "acrname1.azurecr.io.evil.example", "x.acrname1.azurecr.io"] {
		answer := _asked(sprintf("%s/app:by-akv1", [host]))
		answer.allow == false
		contains(answer.reasons[0], "no scope in data.trust.policies covers")
	}
}

# Images say by their tags who signed them.
_verify(request) := _report(request, "verified") if {
	some signer in request.trust
	endswith(request.image, sprintf(":by-%s", [signer]))
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
