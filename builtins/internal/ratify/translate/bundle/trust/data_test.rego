# SPDX-License-Identifier: Apache-2.0

package trust_test

import data.ratify.policy_settings
import data.trust

# What data.yaml says

test_data_has_no_mistakes if {
	every namespace in object.keys(object.union_n([{"": {}}, trust.settings.namespaces, _tenants])) {
		request := {"image": "registry.example/app", "namespace": namespace}
		settings := trust.settings with input as request
		faults := policy_settings.faults(request, settings)
		print(namespace, faults) # regal ignore:print-or-trace-call
		faults == []
	}
}

default _tenants := {}

_tenants := trust.tenants

# A document that is not valid stops the evaluation and is named in the error.
# Those that are incomplete, or are read in part from elsewhere, are left out.
test_documents_are_valid if {
	checked := {name: document | some name, document in trust.settings.documents; not _elsewhere(name, document)}
	every document in checked { _valid(document) }
}

_elsewhere(name, _) if name in object.keys(trust.incomplete)

_elsewhere(_, document) if {
	walk(document, [path, _])
	path[count(path) - 1] in {"provider", "file"}
}

_valid(document) if {
	report := ratify.verify_blob({"digest": _digest, "envelope": base64.encode("{}"), "trust": document})
	report.verified == false
}

_digest := "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
