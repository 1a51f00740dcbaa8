# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	faults := policy_settings.faults({"image": "acme-registry.cn-hangzhou.cr.aliyuncs.com/app"}, trust.settings)
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

# Or an image would be admitted by one name and denied by another.
test_every_host_of_an_instance_has_the_same_policies if {
	hosts := {scope | some p in trust.policies; some scope in p.scopes; _instance(scope)}
	every host in hosts {
		every other in _hosts(_instance(host)) {
			print(other) # regal ignore:print-or-trace-call
			_names(other) == _names(host)
		}
	}
}

# The name of an instance and its region.
_instance(host) := [parts[1], parts[2]] if {
	pattern := `^([a-z0-9][a-z0-9-]{1,28}[a-z0-9])-registry(?:-vpc|-internal)?\.([a-z0-9-]+)\.cr\.aliyuncs\.com$`
	some parts in regex.find_all_string_submatch_n(pattern, host, 1)
}

_hosts([name, region]) := {sprintf("%s-registry%s.%s.cr.aliyuncs.com", [name, network, region]) |
	some network in {"", "-vpc", "-internal"}
}

_names(host) := {p.name | some p in trust.policies; host in p.scopes}

test_instances_of_others_are_none if {
	not _instance("x-registry.cn-hangzhou.cr.aliyuncs.com.evil.example")
	not _instance("evil.example/x-registry.cn-hangzhou.cr.aliyuncs.com")
	_instance("x-y-registry-vpc.cn-hangzhou.cr.aliyuncs.com") == ["x-y", "cn-hangzhou"]
}

# What the rules make of it

_policies := [
	{"name": "one", "scopes": [_public, _vpc], "trust": "one"},
	{"name": "two", "scopes": ["two-registry.cn-beijing.cr.aliyuncs.com"], "trust": "two"},
]

_public := "one-registry.cn-hangzhou.cr.aliyuncs.com"

_vpc := "one-registry-vpc.cn-hangzhou.cr.aliyuncs.com"

_documents := {"one": {"notation": "one"}, "two": {"notation": "two"}}

_asked(image) := answer if {
	answer := trust with input.image as image
		with trust.policies as _policies
		with trust.documents as _documents
		with ratify.verify as _verify
}

test_signed_images_are_admitted_by_every_host if {
	_asked(sprintf("%s/app:by-one", [_public])).allow == true
	_asked(sprintf("%s/app:by-one", [_vpc])).allow == true
	_asked("two-registry.cn-beijing.cr.aliyuncs.com/app:by-two").allow == true
}

test_unsigned_images_are_denied_with_a_reason if {
	answer := _asked(sprintf("%s/app:v1", [_vpc]))
	answer.allow == false
	answer.reasons == [`policy "one": no_signature: not signed`]
}

test_keys_of_one_instance_do_not_sign_for_another if {
	_asked(sprintf("%s/app:by-two", [_public])).allow == false
	_asked("two-registry.cn-beijing.cr.aliyuncs.com/app:by-one").allow == false
}

test_other_hosts_are_denied if {
	every host in [
		"three-registry.cn-hangzhou.cr.aliyuncs.com",
		"one-registry.cn-beijing.cr.aliyuncs.com",
		"one-registry.cn-hangzhou.cr.aliyuncs.com.evil.example",
		"registry.cn-hangzhou.aliyuncs.com",
	] {
		answer := _asked(sprintf("%s/app:by-one", [host]))
		answer.allow == false
		contains(answer.reasons[0], "no scope in data.trust.policies covers")
	}
}

# Images say by their tags who signed them.
_verify(request) := _report(request, "verified") if endswith(request.image, sprintf(":by-%s", [request.trust.notation]))

else := _report(request, "rejected")

_report(request, verdict) := {
	"image": request.image, "reference": "", "digest": "sha256:1", "media_type": "",
	"verdict": verdict, "verified": verdict == "verified", "platforms": [],
	"signatures": [{"digest": "sha256:2", "verified": verdict == "verified", "signer": {"fingerprint": "3"}}],
	"errors": [e |
		verdict == "rejected"
		e := {"code": "no_signature", "message": "not signed", "stage": "verify", "retryable": false}
	],
}
