// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"context"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// mirrored is an origin with a mirror of the same content.
func mirrored(t *testing.T, o registrytest.Options) (origin, mirror *world, settings []registry.Registry) {
	t.Helper()
	origin, mirror = newWorld(t, registrytest.Options{}), newWorld(t, o)
	return origin, mirror, []registry.Registry{{Match: origin.Host(), Mirrors: []string{mirror.Host()}}}
}

func TestMirrorIsAskedFirst(t *testing.T) {
	t.Parallel()
	origin, mirror, settings := mirrored(t, registrytest.Options{})
	got, err := pull(t.Context(), client(t, registry.Options{Registries: settings}), origin)
	if err != nil || string(got) != "envelope" {
		t.Fatalf("got %q, %v", got, err)
	}
	if at, there := len(origin.Requests()), len(mirror.Requests()); at != 0 || there != 4 {
		t.Errorf("%d requests at the origin, %d at the mirror", at, there)
	}
}

func TestMirrorPrefix(t *testing.T) {
	t.Parallel()
	origin, mirror := newWorld(t, registrytest.Options{}), registrytest.Start(t, registrytest.Options{})
	image, err := mirror.PushImage(t.Context(), "hub/app", "v1")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, registry.Options{Registries: []registry.Registry{{Match: origin.Host(), Mirrors: []string{mirror.Host() + "/hub"}}}})
	if got, err := c.Resolve(t.Context(), origin.byTag()); err != nil || got.Digest != image.Digest {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMirrorsFailureIsNotTheAnswer(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"404": registrytest.Status(404, nil), "401": registrytest.Status(401, nil), "403": registrytest.Status(403, nil),
		"429": registrytest.Status(429, nil), "500": registrytest.Status(500, nil), "reset": registrytest.Reset(),
		"lies": registrytest.FlipByte(1), "no referrers": registrytest.Referrers(), "huge": registrytest.Oversize(1<<20, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, mirror, settings := mirrored(t, registrytest.Options{})
			mirror.Inject(registrytest.Fault{Action: action})
			if got, err := pull(t.Context(), client(t, registry.Options{Registries: settings}), origin); err != nil || string(got) != "envelope" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestHungMirrorLeavesTimeForTheOrigin(t *testing.T) {
	t.Parallel()
	origin, mirror, settings := mirrored(t, registrytest.Options{})
	mirror.Inject(registrytest.Fault{Action: registrytest.Hang()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := resolveTag(ctx, client(t, registry.Options{Registries: settings}), origin); err != nil {
		t.Error(err)
	}
}

func TestMirrorGetsItsOwnCredentialOnly(t *testing.T) {
	t.Parallel()
	origin, mirror, settings := mirrored(t, registrytest.Options{Basic: &registrytest.Basic{Username: "user", Password: "hunter2"}})
	for host, want := range map[string]int{origin.Host(): 1, mirror.Host(): 0} {
		origin.ResetRequests()
		c := client(t, registry.Options{Registries: settings, Credentials: static{host, auth.Credential{Username: "user", Password: "hunter2"}}})
		if err := resolveTag(t.Context(), c, origin); err != nil {
			t.Error(err)
		}
		if n := len(origin.Requests()); n != want {
			t.Errorf("credential of %s: %d requests at the origin, want %d", host, n, want)
		}
	}
}

func TestOriginsWordIsTheError(t *testing.T) {
	t.Parallel()
	origin, mirror, settings := mirrored(t, registrytest.Options{})
	mirror.Close()
	ref := origin.byTag()
	ref.Tag = "missing"
	_, err := client(t, registry.Options{Registries: settings}).Resolve(t.Context(), ref)
	if code, retryable := registry.Classify(err); code != "not_found" || retryable {
		t.Errorf("got %s, %v: %v", code, retryable, err)
	}
}

func TestMirrorThatFailedIsLeftAlone(t *testing.T) {
	t.Parallel()
	origin, mirror, settings := mirrored(t, registrytest.Options{})
	mirror.Inject(registrytest.Fault{Action: registrytest.Status(503, nil), Times: 1})
	c := client(t, registry.Options{Registries: settings})
	for i, want := range []int{1, 0} {
		mirror.ResetRequests()
		if err := resolveTag(t.Context(), c, origin); err != nil {
			t.Fatal(err)
		}
		if n := len(mirror.Requests()); n != want {
			t.Errorf("question %d: %d requests at the mirror, want %d", i, n, want)
		}
	}
}
