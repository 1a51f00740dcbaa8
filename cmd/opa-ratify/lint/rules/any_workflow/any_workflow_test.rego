# SPDX-License-Identifier: Apache-2.0
package lint.rules.any_workflow_test

import data.lint.rules.any_workflow
import data.lint.sample_test

_bad := [
	{"cosign": {"identities": [{"repository": "https://github.com/acme/app"}]}},
	{"cosign": {"identities": [{"owner": "https://github.com/acme", "workflow": "w.yml"}]}},
]

_good := [
	{"cosign": {"identities": [{"repository": "https://github.com/acme/app", "workflow": "w.yml", "ref": "refs/tags/*"}]}},
	{"cosign": {"identities": [{"repository": "https://github.com/acme/app", "workflow": "https://ci.example/w@main"}]}},
	{"cosign": {"identities": [{"issuer": "https://accounts.example", "subject": "x@acme.example"}]}},
]

test_bad_is_found if {
	every sample in _bad {
		found := any_workflow.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 1
	}
}

test_good_is_left_alone if {
	every sample in _good {
		found := any_workflow.findings with input as sample_test.trust(sample)
		print(sample, found) # regal ignore:print-or-trace-call
		count(found) == 0
	}
}
