// SPDX-License-Identifier: Apache-2.0

//go:build interop

package service_test

import (
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/redistest"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The first answer of a new replica about an image that another one knows, by tag;
// the registry answers after 20 ms.
func BenchmarkInteropColdReplica(b *testing.B) {
	registry := registrytest.Start(b, registrytest.Options{Latency: 20 * time.Millisecond})
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ca, err := signtest.NewCA(signtest.CAOptions{})
	check(err)
	signer, err := ca.Leaf(signtest.LeafOptions{})
	check(err)
	image, err := registry.PushImage(b.Context(), "app", "v1")
	check(err)
	_, err = signer.SignAndAttach(b.Context(), registry, "app", image, signtest.SignOptions{})
	check(err)
	server := redistest.Start(b, redistest.Options{})
	for _, bb := range []struct {
		name   string
		change func(*config.Config)
	}{
		{"alone", alone}, {"contents", sharing(server, "")}, {"contents and facts", sharing(server, key)},
	} {
		ask := func(b *testing.B) {
			c := config.Default()
			bb.change(c)
			c.Cache.TagTTL, c.Cache.ReferrersTTL = time.Hour, time.Hour
			s, err := service.New(c, service.Deps{})
			check(err)
			defer func() { check(s.Close()) }()
			doc, err := s.ParseTrust(b.Context(), ca.TrustJSON())
			check(err)
			b.StartTimer()
			r := s.Verify(b.Context(), verify.Request{Image: registry.Host() + "/app:v1", Trust: doc})
			b.StopTimer()
			if r.Verdict != report.Verified {
				b.Fatalf("%+v", r)
			}
		}
		b.Run(bb.name, func(b *testing.B) {
			b.StopTimer()
			ask(b) // the replica that knows
			registry.ResetRequests()
			b.ResetTimer()
			for range b.N {
				ask(b)
			}
			b.ReportMetric(float64(len(registry.Requests()))/float64(b.N), "requests/op")
		})
	}
}
