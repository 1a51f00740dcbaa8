// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// binary is the freshly built opa-ratify.
var binary string

func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}

// cluster has Secrets for templates to look up.
type cluster struct{ client *fake.FakeDynamicClient }

func newCluster(secrets ...*corev1.Secret) cluster {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		panic(err) // the types of the library itself
	}
	objects := make([]runtime.Object, len(secrets))
	for i, s := range secrets {
		objects[i] = s
	}
	return cluster{fake.NewSimpleDynamicClient(scheme, objects...)}
}

func secret(namespace, name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
}

func (c cluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	if apiVersion != "v1" || kind != "Secret" {
		return nil, false, fmt.Errorf("the chart looked up %s %s; it is to look up Secrets only", apiVersion, kind)
	}
	return c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}), true, nil
}

// parse reads values as a file of values.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	fatal(t, yaml.UnmarshalStrict([]byte(text), &values))
	return values
}

// find returns the one object of that name.
func find(t *testing.T, objects []charts.Object, id string) charts.Object {
	t.Helper()
	var ids []string
	for _, o := range objects {
		if o.ID() == id {
			return o
		}
		ids = append(ids, o.ID())
	}
	t.Fatalf("no %s was rendered; there are\n%s", id, strings.Join(ids, "\n"))
	return charts.Object{}
}

// as decodes an object.
func as[T any](t *testing.T, o charts.Object) T {
	t.Helper()
	var v T
	fatal(t, yaml.UnmarshalStrict(o.YAML, &v))
	return v
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
