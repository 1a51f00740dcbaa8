// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"os"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/rego"
)

func TestMain(m *testing.M) {
	builtins.Register()
	rego.Install()
	os.Exit(m.Run())
}
