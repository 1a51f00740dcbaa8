// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestDeadConnectionsAreLeftBehind(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		w := newWorld(t, registrytest.Options{TLS: tls, RedirectBlobs: true})
		settings := registry.Options{HeaderTimeout: time.Second}
		if tls {
			settings.Registries = []registry.Registry{{Match: w.Host(), CA: w.CA()}}
		}
		c := client(t, settings)
		for range 3 {
			if _, err := evidence(t.Context(), c, w.byDigest()); err != nil {
				t.Fatal(err)
			}
			w.Freeze()
		}
		if n := w.Accepted(registrytest.ServerRegistry); n != 3 {
			t.Errorf("TLS %v: %d connections, want one more after each freeze", tls, n)
		}
	}
}

func TestHungAnswerIsCutAndAskedAgain(t *testing.T) {
	t.Parallel()
	for i, ask := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: registrytest.Hang(), Times: 2})
			if err := ask(t.Context(), client(t, registry.Options{HeaderTimeout: 500 * time.Millisecond}), w); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStalledBodyIsCut(t *testing.T) {
	t.Parallel()
	for name, action := range map[string]registrytest.Action{
		"one byte and no more": registrytest.SlowDrip(1, time.Hour),
		"a trickle":            registrytest.SlowDrip(1, 10*time.Millisecond),
	} {
		for i, ask := range []question{listReferrers, fetchManifest} {
			w := newWorld(t, registrytest.Options{})
			w.Inject(registrytest.Fault{Action: action})
			err := ask(t.Context(), client(t, registry.Options{StallTimeout: 100 * time.Millisecond, Retries: -1}), w)
			if code, retryable := registry.Classify(err); code != report.Timeout || !retryable || errors.Is(err, context.Canceled) {
				t.Errorf("%s, question %d: got %s, %v: %v", name, i, code, retryable, err)
			}
		}
	}
}

func TestSlowBodyThatKeepsThePaceIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	content := bytes.Repeat([]byte("x"), 4<<10)
	blob, err := w.PushBlob(t.Context(), "app", content)
	if err != nil {
		t.Fatal(err)
	}
	w.Inject(registrytest.Fault{Action: registrytest.SlowDrip(256, 20*time.Millisecond)})
	got, err := client(t, registry.Options{StallTimeout: 100 * time.Millisecond, Retries: -1}).Blob(t.Context(), w.byDigest(), blob)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// What the token server takes is not the time of the registry's answer.
func TestSlowTokenServerIsNotTheRegistrysSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{Token: &registrytest.Token{}})
	w.Inject(registrytest.Fault{Kind: registrytest.KindToken, Action: registrytest.Delay(200 * time.Millisecond)})
	if err := resolveTag(t.Context(), client(t, registry.Options{StallTimeout: 20 * time.Millisecond, HeaderTimeout: 250 * time.Millisecond, Retries: -1}), w); err != nil {
		t.Error(err)
	}
}
