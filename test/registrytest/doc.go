// SPDX-License-Identifier: Apache-2.0

// Package registrytest is a real OCI registry on loopback that can be told to misbehave.
//
// The content and the protocol are [cuelabs.dev/go/oci/ociregistry] (ocimem behind
// ociserver): pushes and pulls of any client work, the Referrers API reports artifact
// types and filters as the specification says. Around it stand, from the outside in:
//
//	request ─▶ record ─▶ latency ─▶ faults ─▶ authentication ─▶ ETags ─▶ paging ─▶ redirect ─▶ ociserver
//
// A registry is made with the behaviour it has for life ([Options]) and can be given
// faults while it runs ([Registry.Inject]):
//
//	reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{}})
//	image, err := reg.PushImage(ctx, "app", "v1")
//	remove := reg.Inject(registrytest.Fault{
//		Kind:   registrytest.KindManifest,
//		Times:  1,
//		Action: registrytest.Status(429, http.Header{"Retry-After": {"1"}}),
//	})
//
// [Registry.Requests] tells what arrived, so that a test can count round trips and see
// which credentials went where. Pushes made through the methods of [Registry] go
// straight into the store and are not counted.
//
// Spec: OCI distribution v1.1.1; Docker "Token Authentication Specification".
package registrytest
