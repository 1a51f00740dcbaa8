# SPDX-License-Identifier: Apache-2.0

package trust_test

import data.ratify.exemption
import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	every namespace in object.keys(object.union({"": {}}, trust.settings.namespaces)) {
		faults := policy_settings.faults({"image": "registry.example/app", "namespace": namespace}, trust.settings)
		print(namespace, faults) # regal ignore:print-or-trace-call
		faults == []
	}
}

test_exemptions_have_no_mistakes if {
	faults := exemption.faults(trust.settings.exemptions)
	print(faults) # regal ignore:print-or-trace-call
	faults == []
}

# What the rules make of it

_input(image, namespace) := {"image": image, "namespace": namespace, "key": image, "operation": "verify"}

_policies := [
	{"name": "acme", "scopes": ["registry.example/one"], "trust": "acme"},
	{"name": "both", "scopes": ["registry.example/both"], "signers": ["acme", "scanner"]},
]

_documents := {"acme": {"notation": "acme"}, "scanner": {"notation": "scanner"}}

_namespaces := {"strict": {"policies": [{"name": "strict", "scopes": ["*"], "trust": "scanner"}]}}

# Images say by their tags who signed them.
_verify(request) := _report(request, "verified", []) if contains(request.image, request.trust.notation)

else := _report(request, "rejected", [{
	"code": "no_signature",
	"message": "not signed",
	"stage": "verify",
	"retryable": false,
}])

_report(request, verdict, errors) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified",
	"signatures": [], "platforms": [], "errors": errors,
}

_allowed(image, namespace) if {
	trust.allow with input as _input(image, namespace)
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.namespaces as _namespaces
		with ratify.verify as _verify
}

test_signed_image_is_allowed if {
	_allowed("registry.example/one/app:by-acme", "")
	_allowed("registry.example/both/app:by-acme-and-scanner", "")
}

test_image_without_the_demanded_signature_is_denied if {
	not _allowed("registry.example/one/app:by-nobody", "")
	not _allowed("registry.example/both/app:by-acme", "")
}

test_namespace_adds_a_demand if {
	not _allowed("registry.example/one/app:by-acme", "strict")
	_allowed("registry.example/one/app:by-acme-and-scanner", "strict")
}

test_image_outside_all_scopes_is_denied if {
	not _allowed("other.example/acme/app:by-acme-and-scanner", "")
	not _allowed("registry.example/one-evil/app:by-acme-and-scanner", "")
}

test_exempt_image_is_allowed_with_a_warning if {
	exemptions := {"grants": [{
		"scopes": ["registry.example/one"],
		"owner": "a",
		"ticket": "b",
		"expires": "2100-01-01T00:00:00Z",
	}]}
	answer := trust with input as _input("registry.example/one/app:by-nobody", "")
		with trust.policies as _policies
		with trust.documents as _documents
		with trust.exemptions as exemptions
		with ratify.verify as _verify
	answer.allow == true
	count(answer.warnings) == 2
	answer.reasons == answer.warnings
}

test_denial_has_report_and_reasons if {
	answer := trust with input as _input("registry.example/app:v1", "")
		with trust.policies as []
		with trust.documents as {}
		with trust.namespaces as {}
	answer.allow == false
	answer.report.verdict == "rejected"
	count(answer.reasons) == 1
}

test_nothing_is_allowed_without_data if {
	every wrong in [null, 7, "x", {}] {
		allow := trust.allow with input as _input("registry.example/one/app:by-acme", "") with trust.policies as wrong
		allow == false
	}
}

test_nothing_is_allowed_without_an_answer if {
	allow := trust.allow with input as _input("registry.example/one/app:by-acme", "")
		with trust.policies as _policies
		with trust.documents as _documents
		with ratify.verify as {}
	allow == false
}

test_nothing_is_allowed_without_input if trust.allow == false with input as {}
