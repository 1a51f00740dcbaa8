// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/rego"
)

func TestMain(m *testing.M) {
	builtins.Register()
	if err := rego.Install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
