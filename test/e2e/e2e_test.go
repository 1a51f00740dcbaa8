// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

var (
	only = flag.String("e2e.run", ".", "run the scenarios whose names match this regular expression")
	keep = flag.Bool("e2e.keep", false, "keep the cluster up until it is interrupted; a single scenario keeps what it has, too")
)

// scenario is one line of the table. Those that change what all share run alone.
type scenario struct {
	name  string
	alone bool
	run   func(t *testing.T, w *world)
}

// scenarios are all; a new one is a file with a function and a line here.
func scenarios() []scenario {
	return []scenario{
		{name: "walkthrough: GHCR and Notation", alone: true, run: walkthroughTest},
		{name: "TLS cert rotation of Gatekeeper and provider, under load", alone: true, run: rotationTest},
		{name: "cert rotator test, under load", alone: true, run: rotatorTest},
		{name: "Gatekeeper's own cache", alone: true, run: cacheTest},
		{name: "API server's failurePolicy", alone: true, run: failurePolicyTest},
		{name: "chart: objects of every kind of values", run: chartObjectsTest},
		{name: "chart: install, upgrade, uninstall", alone: true, run: chartTest},
		{name: "chart: over the resources that Ratify left", alone: true, run: chartOverRatifyTest},
		{name: "custom resources", alone: true, run: resourcesTest},
		{name: "custom resources: the walkthroughs'", alone: true, run: walkthroughResourcesTest},
		{name: "replicas", alone: true, run: replicasTest},
		{name: "load: 1 000 pods, 50 at once", alone: true, run: loadTest},
		{name: "base test", run: baseTest},
		{name: "notation test", run: notationTest},
		{name: "notation test timestamping", run: timestampTest},
		{name: "notation CRL check with audit trust policy", run: crlTest},
		{name: "image signed by leaf cert", run: leafTest},
		{name: "cosign test", run: cosignTest},
		{name: "cosign keyless test", run: keylessTest},
		{name: "workload kinds", run: workloadTest},
		{name: "image volumes", run: imageVolumeTest},
		{name: "multi-arch index", run: indexTest},
		{name: "K8s secrets auth provider", run: secretsTest},
		{name: "namespaces: tenants add and never weaken", run: tenantTest},
		{name: "namespaces: notation certs across namespace", run: acrossNamespacesTest},
		{name: "namespaces: excluded", run: excludedTest},
		{name: "dry run by the API server", run: serverDryRunTest},
		{name: "warn", run: warnTest},
		{name: "dryrun and audit", run: auditTest},
		{name: "provider down and restarted", run: providerDownTest},
		{name: "provider hangs", run: providerHangsTest},
		{name: "registry hangs or is gone", run: registrySlowTest},
		{name: "policy add, replace and delete", run: policyChangesTest},
		{name: "policy bundle broken", run: bundleBrokenTest},
		{name: "policy missing or erring", run: policyBrokenTest},
	}
}

// TestE2E brings the cluster up, runs the scenarios, and prints how they ended.
func TestE2E(t *testing.T) { //nolint:paralleltest // the scenarios are parallel to each other
	dir := runDirectory(t)
	w := newWorld(t, dir)
	results := &table{}
	defer results.print(os.Stdout)
	results.run(t, w, true)
	t.Run("together", func(t *testing.T) { results.run(t, w, false) })
	if *keep && len(wanted()) != 1 {
		wait(w)
	}
}

// wanted are the scenarios that were asked for.
func wanted() []scenario {
	names := regexp.MustCompile(*only)
	return slices.DeleteFunc(scenarios(), func(s scenario) bool { return !names.MatchString(s.name) })
}

// table is what is printed in the end.
type table struct {
	mu      sync.Mutex
	results []result
}

type result struct {
	name   string
	failed bool
	took   time.Duration
}

// run runs the scenarios that are asked for.
func (r *table) run(t *testing.T, w *world, alone bool) {
	t.Helper()
	chosen := wanted()
	for _, s := range chosen {
		if s.alone != alone {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			if !alone {
				t.Parallel()
			}
			began := time.Now()
			t.Cleanup(func() { r.add(result{s.name, t.Failed(), time.Since(began)}) })
			if *keep && len(chosen) == 1 {
				defer wait(w) // before the scenario takes down what it has
			}
			s.run(t, w)
		})
	}
}

func (r *table) add(one result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, one)
	progress("%s: %s", one.name, one.outcome())
}

func (o result) outcome() string {
	if o.failed {
		return "FAIL"
	}
	return "pass"
}

func (r *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nSCENARIO\t\tSECONDS")
	failed := 0
	for _, o := range r.results {
		fmt.Fprintf(w, "%s\t%s\t%.1f\n", o.name, o.outcome(), o.took.Seconds())
		if o.failed {
			failed++
		}
	}
	_ = w.Flush() // to standard output
	fmt.Fprintf(out, "\n%d scenarios, %d failed, %.0f s in all\n", len(r.results), failed, time.Since(began).Seconds())
}

var began = time.Now()

// progress says what is going on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "[%5.1fs] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// runDirectory is where state and logs are: bin/e2e/<number>, removed if all is well.
func runDirectory(t *testing.T) string {
	t.Helper()
	base := absolute(t, servetest.Product, "bin", "e2e")
	fatal(t, os.MkdirAll(base, 0o700))
	dir, err := os.MkdirTemp(base, "") //nolint:usetesting // t.TempDir is removed when the logs are wanted: after a failure
	fatal(t, err)
	t.Cleanup(func() {
		_ = os.RemoveAll(filepath.Join(dir, "etcd")) // the largest part, and of no use
		if t.Failed() {
			progress("logs are in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// wait keeps the cluster up for a person.
func wait(w *world) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintf(os.Stdout, "\nThe cluster stays up until Ctrl-C. Its state and logs are in %s\n\n  export KUBECONFIG=%s\n  %s get constraints,providers\n", w.dir, w.kubeconfig, w.tools.path("kubectl"))
	<-ctx.Done()
}
