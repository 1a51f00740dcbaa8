// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"flag"
	"os"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins"
)

// update rewrites generated files instead of comparing them.
var update = flag.Bool("update", false, "rewrite generated files")

func TestMain(m *testing.M) {
	flag.Parse()
	builtins.Register()
	os.Exit(m.Run())
}

// compareFile fails the test if the file at path is not what generate gives.
func compareFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run make generate", err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not up to date; run make generate and review the difference", path)
	}
}
