// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"testing"

	"helm.sh/helm/v3/pkg/action"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// `helm lint --strict` has nothing to say.
func TestLint(t *testing.T) {
	t.Parallel()
	lint := action.NewLint()
	lint.Strict, lint.Namespace = true, "gatekeeper-system"
	result := lint.Run([]string{charts.Chart}, nil)
	for _, err := range result.Errors {
		t.Error(err)
	}
	for _, message := range result.Messages {
		if message.Severity > 1 { // 1 is information: there is no icon
			t.Error(message)
		}
	}
}
