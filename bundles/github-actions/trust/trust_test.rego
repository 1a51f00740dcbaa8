# SPDX-License-Identifier: Apache-2.0
package trust_test

import data.trust

_image := "registry.example/acme/app:v1"

test_verified_images_are_admitted if {
	trust.allow with input.image as _image with ratify.verify as _verified
}

test_other_images_are_denied_with_a_reason if {
	not trust.allow with input.image as _image with ratify.verify as _rejected
	trust.reasons == {"no signature"} with input.image as _image with ratify.verify as _rejected
}

test_without_data_everything_is_denied if {
	not trust.allow with input.image as _image with data.trust.build as "not a trust document"
		with ratify.verify as _rejected
}

_verified(request) := {"verified": request.trust == data.trust.build, "errors": []}

_rejected(_) := {"verified": false, "errors": [{"message": "no signature"}]}
