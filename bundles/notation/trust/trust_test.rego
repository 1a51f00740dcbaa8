# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.trust

_image := "registry.example/acme/app:v1"

_rejected := {"verified": false, "errors": [{"message": "no signature"}]}

test_verified_images_are_admitted if {
	trust.allow with input.image as _image with ratify.verify as _verified
}

test_other_images_are_denied_with_a_reason if {
	not trust.allow with input.image as _image with ratify.verify as _rejected
	trust.reasons == {"no signature"} with input.image as _image with ratify.verify as _rejected
}

test_every_trust_store_that_is_named_is_there if {
	notation := trust.notation
	every policy in notation.trust_policy.trustPolicies {
		every store in policy.trustStores { count(notation.trust_stores[store]) > 0 }
	}
}

_verified(request) := {"verified": request.trust == {"notation": trust.notation}, "errors": []}
