// SPDX-License-Identifier: Apache-2.0

package script_test

import "testing"

// TestManual runs the pages about opa-ratify alone.
func TestManual(t *testing.T) {
	t.Parallel()
	runScripts(t, "manual")
}
