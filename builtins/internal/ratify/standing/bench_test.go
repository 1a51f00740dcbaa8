// SPDX-License-Identifier: Apache-2.0

package standing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// BenchmarkDecide decides anew among many resources of namespaces, all good or all
// bad.
func BenchmarkDecide(b *testing.B) {
	ca, err := signtest.NewCA(signtest.CAOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{20, 200, 2000} {
		for name, value := range map[string]string{"good": string(ca.PEM()), "bad": "x"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				var state standing.State
				for i := range n {
					k := standing.Key{Kind: "NamespacedKeyManagementProvider", Namespace: fmt.Sprintf("team-%d", i/100), Name: fmt.Sprint(i)}
					state.Put(k, fmt.Appendf(nil, `{"apiVersion": "config.ratify.deislabs.io/v1beta1", "kind": %q, "metadata": {"name": %q, "namespace": %q}, "spec": {"type": "inline", "parameters": {"contentType": "certificate", "value": %q}}}`,
						k.Kind, k.Name, k.Namespace, value))
				}
				o := standing.Options{
					Translate: translate.Options{Added: true, Certificates: translate.CertificateFiles},
					Parse: func(raw []byte) error {
						_, err := trust.Parse(raw, trust.Options{Now: time.Now})
						return err
					},
				}
				for b.Loop() {
					if _, err := state.Decide(o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
