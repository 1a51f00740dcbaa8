// SPDX-License-Identifier: Apache-2.0

package replicas_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// What one replica asks the registry for the three images when it knows nothing: the
// tag and the list of referrers of each, manifest and envelope of the two signatures.
const (
	contents = 2 * 2
	facts    = 3 * 2
	cold     = contents + facts
)

func TestReplicasThatShareNothingAnswerAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	for range 3 * replicaCount {
		w.want(t, w.address.url, oursTrusted)
	}
	if n := len(w.registry.Requests()); n != replicaCount*cold || !w.address.everyone(3) {
		t.Errorf("%d requests to the registry, want %d; connections %v", n, replicaCount*cold, w.address.connections())
	}
	w.follow(t)
	w.lose(t)
}

// follow publishes a bundle that trusts the other signer: every replica changes over,
// and none ever answers anything but what one of the two bundles says.
func (w *world) follow(t *testing.T) {
	t.Helper()
	w.bundles.publish(t, w.theirs.TrustDocument())
	for i, s := range w.replicas {
		changed := false
		await(t, "a replica follows the bundle", func() bool {
			got := w.want(t, s.URL, oursTrusted, theirsTrusted)
			if changed && got == oursTrusted {
				t.Fatalf("replica %d went back to the old bundle", i)
			}
			changed = got == theirsTrusted
			return changed
		})
	}
	for range replicaCount {
		w.want(t, w.address.url, theirsTrusted)
	}
}

// lose kills one replica while many ask: nobody is told anything wrong, and
// everybody is told something who asks again.
func (w *world) lose(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var answers, broken atomic.Int64
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for ctx.Err() == nil {
				got, err := w.ask(ctx, w.address.url)
				switch {
				case err != nil:
					broken.Add(1)
				case got != theirsTrusted:
					t.Errorf("%s: want %s", got, theirsTrusted)
					return
				default:
					answers.Add(1)
				}
			}
		})
	}
	await(t, "answers before", func() bool { return t.Failed() || answers.Load() > 50 })
	w.replicas[0].Kill()
	before := answers.Load()
	await(t, "answers after", func() bool { return t.Failed() || answers.Load() > before+50 })
	cancel()
	asking.Wait()
	t.Logf("%d answers, %d broken connections", answers.Load(), broken.Load())
	for range replicaCount {
		w.want(t, w.address.url, theirsTrusted)
	}
}
