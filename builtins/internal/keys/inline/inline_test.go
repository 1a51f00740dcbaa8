// SPDX-License-Identifier: Apache-2.0

package inline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/inline"
)

func TestFetchReturnsWhatIsConfigured(t *testing.T) {
	t.Parallel()
	got, err := inline.New([]inline.Key{{Name: "release", Value: "PEM"}}).Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keys.Snapshot{Keys: []keys.Key{{Name: "release", PEM: []byte("PEM"), Latest: true}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
