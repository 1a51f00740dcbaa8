# SPDX-License-Identifier: Apache-2.0
package lint.rules.any_scope_test

import data.lint.rules.any_scope
import data.lint.sample_test

_policies(scope) := {"policies": [{"scopes": [scope]}]}

test_any_scope_is_found if {
	found := any_scope.findings with input as sample_test.data_file(["trust"], _policies("*"))
	count(found) == 1
}

test_namespaces_may if {
	found := any_scope.findings with input as sample_test.data_file(["trust"], {"namespaces": {"team": _policies("*")}})
	count(found) == 0
}

test_registries_are_right if {
	found := any_scope.findings with input as sample_test.data_file(["trust"], _policies("registry.example"))
	count(found) == 0
}
