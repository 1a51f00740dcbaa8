// SPDX-License-Identifier: Apache-2.0

package kubernetes_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/kubernetes"
	api "github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
)

// cluster has one Secret and one ConfigMap.
type cluster struct{ reads int }

func (c *cluster) Secret(_ context.Context, namespace, name string) (api.Secret, error) {
	c.reads++
	switch namespace + "/" + name {
	case "trust/keys":
		return api.Secret{Data: map[string][]byte{"a.pub": []byte("A"), "b.pub": []byte("B")}}, nil
	case "trust/forbidden":
		return api.Secret{}, &api.Error{Step: "get secrets trust/forbidden", Code: "Forbidden", Message: "no"}
	}
	return api.Secret{}, &api.Error{Step: "get secrets", Code: "NotFound", Err: api.ErrNotFound}
}

func (c *cluster) ConfigMap(context.Context, string, string) (map[string][]byte, error) {
	c.reads++
	return map[string][]byte{"c.pub": []byte("C")}, nil
}

func TestFetchReadsEachObjectOnce(t *testing.T) {
	t.Parallel()
	c := &cluster{}
	snapshot, err := kubernetes.New(c, []kubernetes.Key{
		{Name: "a", Namespace: "trust", Secret: "keys", Key: "a.pub"},
		{Name: "b", Namespace: "trust", Secret: "keys", Key: "b.pub"},
		{Name: "none", Namespace: "trust", Secret: "keys", Key: "none.pub"},
		{Name: "c", Namespace: "trust", ConfigMap: "keys", Key: "c.pub"},
		{Name: "gone", Namespace: "trust", Secret: "gone", Key: "a.pub"},
		{Name: "forbidden", Namespace: "trust", Secret: "forbidden", Key: "a.pub"},
	}).Fetch(t.Context())
	var got []string
	for _, k := range snapshot.Keys {
		line := k.Name + " " + string(k.PEM)
		if k.Err != nil {
			line += "! " + k.Err.Error()
		}
		got = append(got, line)
	}
	want := []string{
		"a A", "b B", "none ! read trust/keys: its data has no key none.pub", "c C",
		"gone ! get secrets: NotFound", "forbidden ! get secrets trust/forbidden: Forbidden no",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err == nil || c.reads != 4 {
		t.Errorf("%d reads, error %v", c.reads, err)
	}
}
