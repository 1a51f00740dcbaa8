// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// board is where replicas share facts, in memory.
type board map[string]posted

type posted struct {
	value []byte
	asOf  time.Time
}

func (b board) Recall(_ context.Context, key string) ([]byte, time.Time, bool) {
	p, ok := b[key]
	return p.value, p.asOf, ok
}

func (b board) Share(key string, value []byte, asOf time.Time, _ time.Duration) {
	b[key] = posted{value, asOf}
}

// at moves the time of everything that was posted.
func (b board) at(asOf time.Time) {
	for key, p := range b {
		b[key] = posted{p.value, asOf}
	}
}

// replica is a store of its own, with a source that knows only what it was asked.
func replica(b board, c *clock) (*evidence.Store, *counting) {
	source := &counting{}
	return evidence.NewStore(source, evidence.Options{
		TagTTL: 10 * time.Second, ReferrersTTL: 10 * time.Second, FailureTTL: 2 * time.Second, MaxStale: time.Hour, Now: c.now, Facts: b,
		Passing: func(err error) bool { return errors.Is(err, errDown) },
		Absent:  func(err error) bool { return errors.Is(err, errAbsent) },
	}), source
}

var (
	errAbsent  = errors.New("404")
	errRefused = errors.New("401")
)

func TestReplicasAskOnce(t *testing.T) {
	t.Parallel()
	b, c := board{}, newClock()
	ref := parse(t, "registry.example/app:v1")
	subject := ref.WithDigest(digest.FromBytes(body))
	start := c.at
	var first ocispec.Descriptor
	for i := range 3 {
		store, source := replica(b, c)
		c.at = start.Add(time.Duration(i) * time.Second)
		desc, age, err := store.Resolve(t.Context(), ref, evidence.Freshness{})
		if i == 0 {
			first = desc
		}
		if err != nil || desc.Digest != first.Digest || !age.AsOf.Equal(start) || !age.Until.Equal(start.Add(10*time.Second)) {
			t.Errorf("replica %d: %v as of %v until %v, %v", i, desc, age.AsOf, age.Until, err)
		}
		list, _, err := store.Referrers(t.Context(), subject, "", evidence.Freshness{})
		if err != nil || len(list) != 1 || list[0].Digest != digest.FromBytes(body) {
			t.Errorf("replica %d: %v, %v", i, list, err)
		}
		source.err = errAbsent
		if desc, _, err := store.Probe(t.Context(), parse(t, "registry.example/app:none"), evidence.Freshness{}); err != nil || desc.Digest != "" {
			t.Errorf("replica %d: a tag that does not exist is %v, %v", i, desc, err)
		}
		if asked := source.resolved + source.listed + source.tagged; (i == 0) != (asked == 3) || i > 0 && asked != 0 {
			t.Errorf("replica %d asked %d times", i, asked)
		}
	}
}

func TestAFactOfAnotherReplicaIsBelievedWithinItsTTLOnly(t *testing.T) {
	t.Parallel()
	ref := parse(t, "registry.example/app:v1")
	for _, tt := range []struct {
		name  string
		age   time.Duration
		fresh bool
		want  int // questions to the source
	}{
		{"new", 0, false, 0},
		{"just within", 10*time.Second - 1, false, 0},
		{"at the end", 10 * time.Second, false, 1},
		{"from the future", -1, false, 1},
		{"new, but a fresh answer is demanded", 0, true, 1},
	} {
		b, c := board{}, newClock()
		store, _ := replica(b, c)
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); err != nil {
			t.Fatal(err)
		}
		b.at(c.at.Add(-tt.age))
		other, source := replica(b, c)
		if _, _, err := other.Resolve(t.Context(), ref, evidence.Freshness{Fresh: tt.fresh}); err != nil || source.resolved != tt.want {
			t.Errorf("%s: asked %d times, want %d, %v", tt.name, source.resolved, tt.want, err)
		}
	}
}

// What the source refuses ends what was known, also what others knew.
func TestARefusalOutlivesWhatOthersHeardBefore(t *testing.T) {
	t.Parallel()
	ref := parse(t, "registry.example/app:v1")
	for name, tt := range map[string]struct {
		failure error
		want    error // three seconds later, when the failure is not repeated any more
	}{
		"refused":     {errRefused, errRefused},
		"down":        {errDown, nil},
		"not existed": {errAbsent, errAbsent},
	} {
		b, c := board{}, newClock()
		other, _ := replica(b, c)
		if _, _, err := other.Resolve(t.Context(), ref, evidence.Freshness{}); err != nil {
			t.Fatal(err)
		}
		c.at = c.at.Add(time.Second)
		store, source := replica(b, c)
		source.err = tt.failure
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{Fresh: true}); !errors.Is(err, tt.failure) {
			t.Fatalf("%s: %v", name, err)
		}
		c.at = c.at.Add(3 * time.Second)
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestNonsenseOfAnotherReplicaIsNotTaken(t *testing.T) {
	t.Parallel()
	b, c := board{}, newClock()
	ref := parse(t, "registry.example/app:v1")
	store, source := replica(b, c)
	for _, value := range []string{"", "{", `["a"]`, `"text"`} {
		b["tags "+ref.String()] = posted{[]byte(value), c.at}
		if _, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{}); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		c.at = c.at.Add(time.Minute)
	}
	if source.resolved != 4 {
		t.Errorf("asked %d times", source.resolved)
	}
}

// A tier that is farther away fills those before it.
func TestNearerTiersGetWhatAFartherOneHad(t *testing.T) {
	t.Parallel()
	source, near, far := &counting{}, kept{}, kept{}
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	ref := parse(t, "registry.example/a")
	for _, tiers := range [][]evidence.Tier{{far}, {near, far}, {near}} {
		store := evidence.NewStore(source, evidence.Options{Tiers: tiers})
		if b, err := store.Blob(t.Context(), ref, desc); err != nil || string(b) != string(body) {
			t.Errorf("%q, %v", b, err)
		}
	}
	if source.blobs != 1 || len(near) != 1 {
		t.Errorf("fetched %d times, %d in the nearer", source.blobs, len(near))
	}
}

// Threat: replicas are configured differently, at least while they are replaced.
func TestWhatOthersKnowIsNotUsedAboutWhatMayNotBeAsked(t *testing.T) {
	t.Parallel()
	ref := parse(t, "registry.example/app:v1")
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	b, tier, c := board{}, kept{}, newClock()
	for _, allowed := range []bool{true, false} {
		source := &counting{}
		store := evidence.NewStore(source, evidence.Options{
			TagTTL: time.Minute, ReferrersTTL: time.Minute, Now: c.now, Facts: b, Tiers: []evidence.Tier{tier},
			Allows: func(reference.Reference) bool { return allowed },
		})
		if !allowed {
			source.err = errRefused
		}
		_, _, err := store.Resolve(t.Context(), ref, evidence.Freshness{})
		_, _, listErr := store.Referrers(t.Context(), ref, "", evidence.Freshness{})
		_, blobErr := store.Blob(t.Context(), ref, desc)
		for what, err := range map[string]error{"resolve": err, "list": listErr, "blob": blobErr} {
			if errors.Is(err, errRefused) == allowed {
				t.Errorf("allowed %t: %s: %v", allowed, what, err)
			}
		}
	}
}
