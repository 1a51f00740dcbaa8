# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	faults := policy_settings.faults({"image": "registry.example/acme/app"}, trust.settings)
	print(faults) # regal ignore:print-or-trace-call
	faults == []
}

# What the rules make of it

_policies := [{
	"name": "two-of-three",
	"scopes": ["registry.example/acme"],
	"signers": ["release", "build", {"attestation": _scan, "trust": "scanner"}],
	"require": {"threshold": 2},
}]

_scan := "https://cosign.sigstore.dev/attestation/vuln/v1"

_documents[name] := {"notation": name} if some name in _all

_all := {"release", "build", "scanner"}

# Images say by their tags who vouches for them: the scanner attests, the others sign.
_by(signers) := sprintf("registry.example/acme/app:by-%s", [concat("-", signers)])

_asked(image) := answer if {
	answer := trust with input.image as image
		with trust.policies as _policies
		with trust.documents as _documents
		with ratify.verify as _verify
		with ratify.attestations as _attestations
}

test_two_of_three_are_enough if {
	_asked(_by(_all)).allow == true
	every absent in _all { _asked(_by(_all - {absent})).allow == true }
}

test_one_is_not_enough if {
	every signer in _all {
		answer := _asked(_by({signer}))
		answer.allow == false
		contains(answer.reasons[0], "1 of the 2 demanded signers vouch for it by different keys")
	}
}

test_reason_says_who_is_missing if {
	[reason] := _asked(_by({"release"})).reasons
	endswith(reason, concat("", [
		": release; missing: build (no_signature: none by build), ",
		"scanner attestation (no_signature: none by scanner)",
	]))
}

test_one_key_counts_once if _asked(concat("", [_by(_all), "-with-one-key"])).allow == false

test_other_images_are_denied if _asked(replace(_by(_all), "/acme/", "/acme-evil/")).allow == false

_verify(request) := _answer(request) if request.trust.notation != "scanner"

_attestations(request) := object.union(answer, {"attestations": answer.signatures}) if {
	request.trust.notation == "scanner"
	request.predicate_type == _scan
	answer := _answer(request)
}

_answer(request) := _report(request, "one key") if {
	contains(request.image, "with-one-key")
} else := _report(request, request.trust.notation) if {
	contains(request.image, request.trust.notation)
} else := object.union(_report(request, ""), {
	"verified": false, "verdict": "rejected", "signatures": [],
	"errors": [{"code": "no_signature", "message": sprintf("none by %s", [request.trust.notation])}],
})

_report(request, key) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": "verified", "verified": true, "platforms": [], "errors": [],
	"signatures": [{"digest": key, "verified": true, "signer": {"fingerprint": key}}],
}
