// SPDX-License-Identifier: Apache-2.0

// Package chaos_test asks about images while their registry fails in every way
// that test/registrytest knows, picked at random, and then holds every answer
// against what may honestly be said:
//
//   - Whatever the registry does, an image is only ever verified under a digest
//     that a trusted signer signed.
//   - An outage (a fault after which something was visibly not seen) never makes
//     a good image rejected: it is verified or inconclusive, or gets no decision.
//   - A lie (a well-formed answer that hides a signature, moves a tag or denies
//     the image) may make a good image rejected: a registry is trusted to say
//     which signatures exist. It is not trusted to say what they are worth.
//   - When the faults end everybody gets the right answer again, and nothing is
//     left behind: no goroutine, no connection.
//
// It also asks about very many images, to see that memory stays flat; see
// TestSoak.
package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

var (
	chaosTime  = flag.Duration("chaostime", 4*time.Second, "how long the registry flaps, all variants together")
	chaosSeed  = flag.Uint64("chaosseed", 0, "what the faults are picked by; 0: at random")
	soakImages = flag.Int("soakimages", 200, "how many images TestSoak asks about")
)

// binary is the freshly built opa-ratify.
var binary string

// TestMain also configures the built-ins of this process: as the server is, in
// [world.serve].
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		builtins.Register()
		path := filepath.Join(filepath.Dir(built), "ratify.yaml")
		if err := os.Setenv("RATIFY_CONFIG", path); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(shortLived), 0o600)
	}))
}

// shortLived is a configuration under which much happens in a short time.
const shortLived = `{timeout: 500ms, cache: {tag_ttl: 20ms, referrers_ttl: 20ms, failure_ttl: 10ms}}`

// clients ask at the same time.
const clients = 64

// Recovery is given this long, though it takes much less; a busy machine is
// slow, not wrong.
const recovery = time.Minute

// The variants run one after the other: each counts the goroutines of the
// process and wants the machine for itself.
func TestChaos(t *testing.T) { //nolint:paralleltest // see above
	servetest.WatchSources(t)
	cloud := registrytest.Options{TLS: true, Token: &registrytest.Token{}, RedirectBlobs: true}
	for _, v := range []variant{ //nolint:paralleltest // see above
		{"server", "outages", cloud, false, outages, (*world).serve},
		{"server", "lies", registrytest.Options{}, true, lies, (*world).serve},
		{"process", "outages", registrytest.Options{NoReferrersAPI: true}, true, outages, (*world).inProcess},
		{"process", "lies", registrytest.Options{ETags: true}, false, lies, (*world).inProcess},
	} {
		t.Run(v.where+"/"+v.what, v.test)
	}
}

type variant struct {
	where, what string
	registry    registrytest.Options
	freezes     bool
	faults      func(*world) []fault
	start       func(*world, *testing.T) party
}

func (v variant) test(t *testing.T) {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaosseed=%d picks the same faults again, in the same order", seed)
	w := newWorld(t, v.registry)
	w.freezes = v.freezes
	p := v.start(w, t)
	before := p.goroutines(t)
	w.settle(t, p)

	tally := w.storm(t, p, v.faults(w), rand.New(rand.NewPCG(seed, 0)))
	began := time.Now()
	asked := w.settle(t, p)
	t.Logf("%v; recovered after %v and %.1f requests per image", tally, time.Since(began).Round(time.Millisecond), float64(asked)/float64(len(w.images)))
	tally.insist(t)
	w.leavesNothing(t, p, before)
}

// storm lets clients ask while the registry flaps, for its share of the time and
// until some were answered and some were not.
func (w *world) storm(t *testing.T, p party, faults []fault, random *rand.Rand) *tally {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	counted := newTally()
	go counted.await(ctx, *chaosTime/4, cancel)
	var running sync.WaitGroup
	for range clients {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		running.Go(func() {
			for ctx.Err() == nil {
				for _, a := range p.ask(t.Context(), own, w.some(own)) { // the last answers count, too
					counted.add(a, w.objection(a, faults[0].lie))
				}
			}
		})
	}
	w.flap(ctx, faults, random)
	running.Wait()
	return counted
}

// some picks a few images at random.
func (w *world) some(random *rand.Rand) []*image {
	picked := make([]*image, 1+random.IntN(4))
	for i := range picked {
		picked[i] = w.images[random.IntN(len(w.images))]
	}
	return picked
}

// objection says what is wrong with an answer, "" if nothing is.
func (w *world) objection(a answer, lied bool) string {
	switch {
	case a.verdict == verified && !w.signed[a.digest]:
		return fmt.Sprintf("%s: verified as %s, which nobody signed", a.image.name, a.digest)
	case a.verdict == verified && a.image.digest != "" && a.digest != a.image.digest:
		return fmt.Sprintf("%s: verified as %s, which was not asked for", a.image.name, a.digest)
	case a.verdict == rejected && a.image.want == verified && !lied:
		return fmt.Sprintf("%s: rejected for want of an answer: %s", a.image.name, a.text)
	case a.verdict == broken:
		return fmt.Sprintf("%s: no answer of the agreed form: %s", a.image.name, a.text)
	default:
		return ""
	}
}

// settle asks until every image is judged as it deserves, and returns how many
// questions that took.
func (w *world) settle(t *testing.T, p party) (asked int) {
	t.Helper()
	random, open := rand.New(rand.NewPCG(0, 0)), w.images
	await(t, func() (problem string) {
		var still []*image
		for _, a := range p.ask(t.Context(), random, open) {
			asked++
			if why := w.objection(a, true); why != "" {
				t.Fatal(why)
			}
			if a.verdict != a.image.want {
				still = append(still, a.image)
				problem = fmt.Sprintf("%s: %s (%s), want %s", a.image.name, a.verdict, a.text, a.image.want)
			}
		}
		open = still
		return problem
	})
	return asked
}

// leavesNothing closes the registry and waits until who asked it has no more to
// do than before it ever asked.
func (w *world) leavesNothing(t *testing.T, p party, before int) {
	t.Helper()
	// Idle connections are kept on purpose: 32 to each of three servers at most,
	// HTTP/1 and, through a proxy, another transport's.
	const idle = 3 * 32
	await(t, func() string {
		open, active := w.registry.Connections()
		if !w.freezes && (active > 0 || open > idle) {
			return fmt.Sprintf("%d connections are open, %d at work", open, active)
		}
		return ""
	})
	w.registry.Close()
	const slack = 8 // the runtime's own, and what starts at first use
	await(t, func() string {
		if now := p.goroutines(t); now > before+slack {
			return fmt.Sprintf("%d goroutines, %d before", now, before)
		}
		return ""
	})
}

// await returns when problem finds none. If the machine stood still meanwhile,
// there is one more look.
func await(t *testing.T, problem func() string) {
	t.Helper()
	deadline, tick := time.Now().Add(recovery), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		late := time.Now().After(deadline)
		found := problem()
		if found == "" {
			return
		}
		if late {
			t.Fatalf("after %v: %s", recovery, found)
		}
		<-tick.C
	}
}
