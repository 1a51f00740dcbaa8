# SPDX-License-Identifier: Apache-2.0
package lint.rules.invalid_trust_test

import data.lint.rules.invalid_trust
import data.lint.sample_test

test_objections_are_findings_at_the_nearest_place if {
	fault := {"pointer": "/cosign/keys/0", "message": "it is no key"}
	faults := [{"op": "add", "path": "trust/0/faults/-", "value": fault}]
	found := invalid_trust.findings with input as json.patch(sample_test.trust({"cosign": {"keys": ["x"]}}), faults)
	{one.location | some one in found} == {{"file": "data.yaml", "row": 2, "col": 3}}
	every one in found {
		startswith(one.message, "it is no key: ")
	}
}
