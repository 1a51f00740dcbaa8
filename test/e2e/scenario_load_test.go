// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

var loadPods = flag.Int("e2e.pods", 1000, "how many pods the load makes")

// Many pods at once, by tags that are replaced by digests: what opa-ratify adds to each,
// what it asks the registry, what it needs; and with its process replaced in the middle.
func loadTest(t *testing.T, w *world) {
	ca, signer := authority(t, "load")
	var mix []image
	for i := range 50 {
		mix = append(mix, w.publish(t, fmt.Sprintf("load/signed-%d", i), notation(signer, signtest.SignOptions{})))
	}
	for i := range 5 {
		mix = append(mix, w.publish(t, fmt.Sprintf("load/unsigned-%d", i)))
	}
	baseline := w.withoutProvider(t)
	st := w.stage(t, script{name: "load", data: trusting(ca.TrustDocument()), mutate: true})
	st.untilAdmitted(t, mix[0].tag, mix[0].pinned)

	all := *loadPods * len(mix) / 50 // so that as many signed ones
	results := []struct {
		name   string
		loaded *loaded
	}{
		{"no provider is asked", baseline.load(t, round{name: "alone", images: mix, pods: all / 5, parallel: 1})},
		{"verified and mutated", st.load(t, round{name: "alone", images: mix, pods: all / 5, parallel: 1})},
		{"no provider is asked", baseline.load(t, round{name: "many", images: mix, pods: all, parallel: 50})},
		{"verified and mutated", st.load(t, round{name: "many", images: mix, pods: all, parallel: 50})},
		{"and restarted", st.load(t, round{name: "restarted", images: mix, pods: all, parallel: 50, halfway: func() {
			st.provider.Stop()
			st.serve(t)
		}})},
	}
	report := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(report, "\nLOAD\tat once\tadmitted\tper second\tp50\tp99\tmean inside opa-ratify\trefused for a while\trequests to the registry\tRSS")
	want := 0
	for i, r := range results {
		if r.loaded.resident > 0 { // that is, by opa-ratify
			want += len(r.loaded.admitted)
		}
		r.loaded.print(report, r.name)
		if i < len(results)-1 && r.loaded.again > 0 {
			t.Errorf("%s: %d signed images were refused although nothing was restarted: %v", r.name, r.loaded.again, r.loaded.why)
		}
	}
	fatal(t, report.Flush())
	st.checkAll(t, mix, want)
}

// withoutProvider is a namespace with a constraint that asks nobody, to compare with.
func (w *world) withoutProvider(t *testing.T) *stage {
	t.Helper()
	template := object{
		"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate", "metadata": object{"name": "e2ebaseline"},
		"spec": object{
			"crd": object{"spec": object{"names": object{"kind": "E2EBaseline"}}},
			"targets": []any{object{"target": "admission.k8s.gatekeeper.sh", "rego": `package e2ebaseline

violation[{"msg": "an image without a name"}] {
	input.review.object.spec.containers[_].image == "refused"
}`}},
		},
	}
	w.newNamespace(t, "baseline")
	w.apply(t, template)
	st := &stage{world: w, ns: "baseline", pods: new(atomic.Int64)}
	constraint := object{
		"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "E2EBaseline", "metadata": object{"name": "baseline"},
		"spec": object{"match": object{"kinds": pods, "namespaces": []string{"baseline"}}},
	}
	eventually(t, time.Minute, "the kind E2EBaseline", func() error {
		output, err := w.create(t, constraint)
		if err != nil {
			return errors.New(output)
		}
		return nil
	})
	st.until(t, "the constraint without a provider", "refused", func(a answer) bool { return a.code == http.StatusForbidden })
	return st
}

// round is one run of the load.
type round struct {
	name     string
	images   []image
	pods     int
	parallel int
	halfway  func() // nil: nothing happens then
}

// loaded is what one round measured.
type loaded struct {
	round

	took     time.Duration
	inside   time.Duration // in opa-ratify, the mean of the requests to verify and mutate together
	requests int           // to the registry
	resident int64         // bytes, the largest seen

	mu       sync.Mutex
	admitted []time.Duration // of each pod that was admitted
	again    int             // signed images that were refused, and asked about again
	why      error           // the first of them
	unfit    []error         // what must not happen
}

// load makes pods of the images in turn.
func (st *stage) load(t *testing.T, r round) *loaded {
	t.Helper()
	l := &loaded{round: r}
	before := st.count(t)
	jobs := make(chan int)
	var workers sync.WaitGroup
	started := time.Now()
	for range r.parallel {
		workers.Go(func() {
			for i := range jobs {
				l.one(t.Context(), st, fmt.Sprintf("%s-%d", r.name, i), r.images[i%len(r.images)])
			}
		})
	}
	var spent counts
	for i := range r.pods {
		if r.halfway != nil && i == r.pods/2 {
			spent, before = st.count(t).minus(before), counts{}
			r.halfway() // while others are under way
		}
		if i%50 == 0 && st.provider != nil {
			l.resident = max(l.resident, st.provider.ResidentBytes())
		}
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	l.took = time.Since(started)
	spent = spent.plus(st.count(t).minus(before))
	l.requests, l.inside = spent.registry, spent.mean()
	if len(l.unfit) > 0 {
		t.Errorf("%s: %d answers are wrong; the first: %v", r.name, len(l.unfit), l.unfit[0])
	}
	return l
}

// one makes a pod. A signed image is asked about until it is admitted, as a controller
// does; an unsigned one may be refused for any reason, and never admitted.
func (l *loaded) one(ctx context.Context, st *stage, name string, of image) {
	signed := !strings.Contains(of.tag, "/unsigned-") || st.provider == nil
	for ctx.Err() == nil {
		asked := time.Now()
		a, err := st.post(ctx, "/api/v1/namespaces/"+st.ns+"/pods", pod(name, of.tag))
		if l.judge(a, err, signed, time.Since(asked)) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// judge says whether that was the last answer about this pod. The mutating webhook
// refuses with 500, the validating one with 403.
func (l *loaded) judge(a answer, err error, signed bool, took time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	refused := a.code >= http.StatusForbidden && strings.Contains(a.message(), "denied the request: ")
	switch {
	case a.code == http.StatusCreated && signed:
		l.admitted = append(l.admitted, took)
	case a.code == http.StatusCreated:
		l.unfit = append(l.unfit, fmt.Errorf("an unsigned image was admitted: %v", a.images()))
	case err != nil:
		l.unfit = append(l.unfit, err)
	case !refused:
		l.unfit = append(l.unfit, fmt.Errorf("%d %s", a.code, a.message()))
	case signed:
		if l.again++; l.why == nil {
			l.why = errors.New(a.message())
		}
		return false
	}
	return true
}

func (l *loaded) print(out io.Writer, name string) {
	slices.Sort(l.admitted)
	n := len(l.admitted)
	fmt.Fprintf(out, "%s\t%d\t%d\t%.0f\t%v\t%v\t%v\t%d\t%d\t%d MiB\n", name, l.parallel, n, float64(n)/l.took.Seconds(),
		l.admitted[n/2].Round(time.Millisecond), l.admitted[n*99/100].Round(time.Millisecond), l.inside.Round(100*time.Microsecond), l.again, l.requests, l.resident>>20)
}

// checkAll looks at what is stored: digests of signed images, and nothing else.
func (st *stage) checkAll(t *testing.T, mix []image, want int) {
	t.Helper()
	good := map[string]bool{}
	for _, each := range mix {
		good[each.pinned] = !strings.Contains(each.pinned, "/unsigned-")
	}
	stored := strings.Fields(st.kubectl(t, "get", "pods", "-n", st.ns, "-o", "jsonpath={.items[*].spec.containers[*].image}"))
	if len(stored) != want {
		t.Errorf("there are %d pods, want %d", len(stored), want)
	}
	for _, image := range stored {
		if !good[image] {
			t.Errorf("a pod runs %s", image)
		}
	}
}
