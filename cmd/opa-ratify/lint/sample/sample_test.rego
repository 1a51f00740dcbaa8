# SPDX-License-Identifier: Apache-2.0
#
# METADATA
# title: Input for tests of rules
# description: What a rule gets of one small policy or document.
package lint.sample_test

nothing := {"modules": [], "documents": [], "trust": [], "refused": [], "ignores": [], "manifest": {}}

# policy has places in its syntax only when the program parses it, and not here.
policy(lines) := object.union(nothing, {"modules": [{
	"file": "trust.rego",
	"test": false,
	"ast": rego.parse_module("trust.rego", concat("\n", array.concat(["package trust"], lines))),
}]})

trust(value) := object.union(nothing, {"trust": [{
	"file": "data.yaml",
	"value": value,
	"locations": {"": {"row": 1, "col": 1}, "/cosign": {"row": 2, "col": 3}},
	"faults": [],
}]})

data_file(path, value) := object.union(nothing, {"documents": [{
	"file": "data.yaml",
	"path": path,
	"value": value,
	"locations": {"": {"row": 1, "col": 1}},
}]})

# METADATA
# description: How many findings there are.
test_nothing_is_found_in_nothing if {
	found := data.lint.report.findings with input as nothing
	found == set()
}
