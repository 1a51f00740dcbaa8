// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/rego"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, source string
		want         []string
	}{
		{"nothing", "package trust\nallow if ratify.verify(input.image).verified", nil},
		{"the library's name space", "package ratify.mine", []string{"p.rego:1"}},
		{"hidden built-ins", "package trust\nimport data.ratify\nx := 1", []string{"p.rego:2"}},
		{"mock in a decision", "package trust\nallow if true with ratify.verify as {}", []string{"p.rego:2"}},
		{"mock in a test", "package trust_test\ntest_x if true with ratify.verify as {}", nil},
		{"unknown through an import", "package trust\nimport data.ratify.report as r\n\nx := r.verifed(input)", []string{"p.rego:4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			problems, err := rego.Check(parse(t, map[string]string{"p.rego": tt.source}))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Location.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckOfTheLibraryItself(t *testing.T) {
	t.Parallel()
	problems, err := rego.Check(parse(t, sources(t)))
	if err != nil || len(problems) > 0 {
		t.Errorf("problems = %v, error = %v", problems, err)
	}
}

func TestCheckOfNothing(t *testing.T) {
	t.Parallel()
	if problems, err := rego.Check(nil); err != nil || problems != nil {
		t.Errorf("problems = %v, error = %v", problems, err)
	}
}
