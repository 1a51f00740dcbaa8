// SPDX-License-Identifier: Apache-2.0

package evidence_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// registry is a source whose list of referrers says which answer it is.
type registry struct {
	counting

	answers int
	hang    bool
}

var errDown = errors.New("503")

func (r *registry) Referrers(ctx context.Context, _ reference.Reference, _ string) ([]ocispec.Descriptor, error) {
	if r.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.answers++
	return make([]ocispec.Descriptor, r.answers), nil
}

const (
	listTTL    = 10 * time.Second
	revalidate = time.Minute
	maxStale   = time.Hour
)

// inBubble runs a test with a clock that only the test moves on.
func inBubble(t *testing.T, o evidence.Options, test func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		o.Passing = func(err error) bool { return errors.Is(err, errDown) || errors.Is(err, context.DeadlineExceeded) }
		store := evidence.NewStore(r, o)
		subject := parse(t, "registry.example/app").WithDigest(digest.FromString("subject"))
		test(r, func(f evidence.Freshness) (int, evidence.Age, error) {
			list, age, err := store.Referrers(t.Context(), subject, "", f)
			synctest.Wait() // for what goes on in the background
			return len(list), age, err
		})
	})
}

// pass lets time pass, in the bubble's clock.
func pass(d time.Duration) { <-time.After(d) }

func options() evidence.Options {
	return evidence.Options{ReferrersTTL: listTTL, Revalidate: revalidate, MaxStale: maxStale, FailureTTL: 2 * time.Second}
}

func expect(t *testing.T, what string, answer, want int, err error) {
	t.Helper()
	if answer != want || err != nil {
		t.Errorf("%s: answer %d, %v; want answer %d", what, answer, err, want)
	}
}

func TestRevalidateAnswersAtOnceAndAsksBehind(t *testing.T) {
	t.Parallel()
	inBubble(t, options(), func(_ *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, first, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		if first.Stale || first.Until.Sub(first.AsOf) != listTTL {
			t.Errorf("age of a new answer: %+v", first)
		}
		pass(listTTL)
		n, age, err := ask(evidence.Freshness{Revalidate: true})
		expect(t, "after the TTL", n, 1, err)
		if !age.Stale || !age.AsOf.Equal(first.AsOf) || age.Because != nil || !age.Until.IsZero() {
			t.Errorf("age of a stale answer: %+v", age)
		}
		n, age, err = ask(evidence.Freshness{Revalidate: true})
		expect(t, "after it was asked again", n, 2, err)
		if age.Stale {
			t.Errorf("age of the new answer: %+v", age)
		}
		pass(listTTL)
		n, _, err = ask(evidence.Freshness{})
		expect(t, "for those who do not accept it", n, 3, err)
		pass(listTTL + revalidate)
		n, _, err = ask(evidence.Freshness{Revalidate: true})
		expect(t, "when it is too old", n, 4, err)
	})
}

// That the registry failed to answer must not go unnoticed because an old answer
// is at hand.
func TestRevalidateEndsWithAFailure(t *testing.T) {
	t.Parallel()
	inBubble(t, options(), func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, _, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		pass(listTTL)
		r.err = errDown
		n, _, err = ask(evidence.Freshness{Revalidate: true})
		expect(t, "before the failure is known", n, 1, err)
		for range 2 { // within the failure's TTL and after it
			if _, _, err := ask(evidence.Freshness{Revalidate: true}); !errors.Is(err, errDown) {
				t.Errorf("got %v, want the failure", err)
			}
			pass(3 * time.Second)
		}
		r.err = nil
		n, _, err = ask(evidence.Freshness{Revalidate: true})
		expect(t, "after recovery", n, 2, err)
	})
}

func TestATTLOfZeroAlwaysAsks(t *testing.T) {
	t.Parallel()
	o := options()
	o.ReferrersTTL = 0
	inBubble(t, o, func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		for want := 1; want <= 3; want++ {
			n, age, err := ask(evidence.Freshness{Revalidate: true})
			expect(t, "strong consistency", n, want, err)
			if age.Until.After(age.AsOf) {
				t.Errorf("age %+v would be repeated", age)
			}
		}
		r.err = errDown
		n, age, err := ask(evidence.Freshness{MaxStale: time.Minute})
		expect(t, "last good answer", n, 3, err)
		if !age.Stale || !errors.Is(age.Because, errDown) {
			t.Errorf("age %+v", age)
		}
	})
}

func TestFreshAsksWhateverIsKnown(t *testing.T) {
	t.Parallel()
	inBubble(t, options(), func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, _, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		n, _, err = ask(evidence.Freshness{Fresh: true})
		expect(t, "fresh", n, 2, err)
		n, _, err = ask(evidence.Freshness{})
		expect(t, "for others", n, 2, err)
		r.err = errDown
		if _, _, err := ask(evidence.Freshness{Fresh: true}); !errors.Is(err, errDown) {
			t.Errorf("fresh during an outage: %v", err)
		}
		r.err = nil
		n, _, err = ask(evidence.Freshness{Fresh: true})
		expect(t, "fresh within the failure's TTL", n, 3, err)
	})
}

func TestMaxStaleFallsBackOnTheLastGoodAnswer(t *testing.T) {
	t.Parallel()
	inBubble(t, options(), func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, first, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		pass(listTTL)
		r.err = errDown
		if _, _, err := ask(evidence.Freshness{}); !errors.Is(err, errDown) {
			t.Errorf("without max_stale: %v", err)
		}
		for range 2 { // within the failure's TTL and after it
			n, age, err := ask(evidence.Freshness{MaxStale: time.Minute})
			expect(t, "with max_stale", n, 1, err)
			if !age.Stale || !errors.Is(age.Because, errDown) || !age.AsOf.Equal(first.AsOf) {
				t.Errorf("age %+v", age)
			}
			pass(3 * time.Second)
		}
		pass(time.Minute)
		if _, _, err := ask(evidence.Freshness{MaxStale: time.Minute}); !errors.Is(err, errDown) {
			t.Errorf("too old: %v", err)
		}
		r.err = nil
		n, _, err = ask(evidence.Freshness{MaxStale: time.Minute})
		if err == nil {
			t.Errorf("within the failure's TTL: answer %d", n)
		}
		pass(3 * time.Second)
		n, _, err = ask(evidence.Freshness{MaxStale: time.Minute})
		expect(t, "after recovery", n, 2, err)
	})
}

func TestMaxStaleDoesNotWaitForAHungRegistry(t *testing.T) {
	t.Parallel()
	inBubble(t, options(), func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, _, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		pass(listTTL)
		r.hang = true
		began := time.Now()
		n, age, err := ask(evidence.Freshness{MaxStale: time.Minute})
		expect(t, "hung", n, 1, err)
		if waited := time.Since(began); waited > 2*time.Second || !errors.Is(age.Because, context.DeadlineExceeded) {
			t.Errorf("waited %v, because of %v", waited, age.Because)
		}
		pass(time.Minute) // nothing is asked for longer than that
	})
}

// A 404 is an answer: what was there is gone.
func TestMaxStaleDoesNotOutliveARefusal(t *testing.T) {
	t.Parallel()
	gone := errors.New("404")
	inBubble(t, options(), func(r *registry, ask func(evidence.Freshness) (int, evidence.Age, error)) {
		n, _, err := ask(evidence.Freshness{})
		expect(t, "first", n, 1, err)
		pass(listTTL)
		r.err = gone
		if _, _, err := ask(evidence.Freshness{MaxStale: time.Hour}); !errors.Is(err, gone) {
			t.Errorf("refused: %v", err)
		}
		pass(3 * time.Second)
		r.err = errDown
		if _, _, err := ask(evidence.Freshness{MaxStale: time.Hour}); !errors.Is(err, errDown) {
			t.Errorf("down after it was refused: %v", err)
		}
	})
}

// A question put earlier but answered later must not replace a newer answer.
func TestALateAnswerDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := make(chan struct{})
		source := &overtaken{first: first}
		store := evidence.NewStore(source, options())
		subject := parse(t, "registry.example/app").WithDigest(digest.FromString("subject"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := store.Referrers(ctx, subject, "", evidence.Freshness{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the first question was answered: %v", err)
		}
		list, _, err := store.Referrers(t.Context(), subject, "", evidence.Freshness{Fresh: true})
		expect(t, "second question", len(list), 2, err)
		close(first)
		synctest.Wait()
		list, _, err = store.Referrers(t.Context(), subject, "", evidence.Freshness{})
		expect(t, "after the first question was answered", len(list), 2, err)
	})
}

type overtaken struct {
	counting

	asked atomic.Int64
	first chan struct{}
}

func (o *overtaken) Referrers(context.Context, reference.Reference, string) ([]ocispec.Descriptor, error) {
	n := o.asked.Add(1)
	if n == 1 {
		<-o.first
	}
	return make([]ocispec.Descriptor, n), nil
}

func TestInlineContentIsNotFetched(t *testing.T) {
	t.Parallel()
	source := &counting{}
	described := 0
	store := evidence.NewStore(source, evidence.Options{Describe: func(d ocispec.Descriptor, b []byte) (ocispec.Descriptor, error) {
		described++
		if string(b) != string(body) {
			t.Errorf("describes %q", b)
		}
		return d, nil
	}})
	good := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body)), Data: body}
	ref := parse(t, "registry.example/a")
	if b, err := store.Blob(t.Context(), ref, good); string(b) != string(body) || err != nil {
		t.Errorf("blob %q, %v", b, err)
	}
	if _, b, err := store.Manifest(t.Context(), ref, good); string(b) != string(body) || err != nil || described != 1 {
		t.Errorf("manifest %q, %v, described %d times", b, err, described)
	}
	if source.blobs+source.manifests != 0 {
		t.Error("content was fetched that the descriptor brought along")
	}
	for name, lie := range map[string]ocispec.Descriptor{
		"other bytes":   {Digest: good.Digest, Size: good.Size, Data: []byte("a blot")},
		"cut short":     {Digest: good.Digest, Size: good.Size, Data: body[:3]},
		"another size":  {Digest: good.Digest, Size: 3, Data: body},
		"nothing in it": {Digest: good.Digest, Size: good.Size, Data: []byte{}},
	} {
		source.blobs = 0
		if _, err := store.Blob(t.Context(), parse(t, "registry.example/"+strings.ReplaceAll(name, " ", "-")), lie); err != nil || source.blobs != 1 {
			t.Errorf("%s: fetched %d times, %v", name, source.blobs, err)
		}
	}
}

// kept is a directory in memory.
type kept map[string][]byte

func (k kept) Get(_ context.Context, key string, _ digest.Digest, _ int64) ([]byte, bool) {
	b, ok := k[key]
	return b, ok
}

func (k kept) Put(key string, _ digest.Digest, b []byte) { k[key] = b }

func TestTheDirectoryAnswersAfterARestart(t *testing.T) {
	t.Parallel()
	source, directory := &counting{}, kept{}
	o := evidence.Options{Tiers: []evidence.Tier{directory}, Describe: func(d ocispec.Descriptor, _ []byte) (ocispec.Descriptor, error) {
		d.ArtifactType = "described"
		return d, nil
	}}
	desc := ocispec.Descriptor{Digest: digest.FromBytes(body), Size: int64(len(body))}
	ref := parse(t, "registry.example/a")
	for restart := range 3 {
		store := evidence.NewStore(source, o)
		d, b, err := store.Manifest(t.Context(), ref, desc)
		if string(b) != string(body) || err != nil || source.manifests != 1 || restart > 0 && d.ArtifactType != "described" {
			t.Errorf("start %d: %q %+v, %v, fetched %d times", restart, b, d, err, source.manifests)
		}
	}
	if _, err := evidence.NewStore(source, o).Blob(t.Context(), parse(t, "registry.example/b"), desc); err != nil || source.blobs != 1 {
		t.Errorf("another repository: fetched %d times, %v", source.blobs, err)
	}
}
