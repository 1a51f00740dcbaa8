// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestFaultMatches(t *testing.T) {
	t.Parallel()
	const manifest, tags = "/v2/app/manifests/v1", "/v2/app/tags/list"
	tests := []struct {
		name  string
		fault registrytest.Fault
		want  []int // of HEAD and GET of the manifest, of GET of the tags
	}{
		{name: "everything", want: []int{503, 503, 503}},
		{name: "method", fault: registrytest.Fault{Method: "GET"}, want: []int{200, 503, 503}},
		{name: "kind", fault: registrytest.Fault{Kind: registrytest.KindTags}, want: []int{200, 200, 503}},
		{name: "reference", fault: registrytest.Fault{Reference: "v1"}, want: []int{503, 503, 200}},
		{name: "repository", fault: registrytest.Fault{Repo: "other"}, want: []int{200, 200, 200}},
		{name: "server", fault: registrytest.Fault{Server: registrytest.ServerToken}, want: []int{200, 200, 200}},
		{name: "once", fault: registrytest.Fault{Times: 1}, want: []int{503, 200, 200}},
		{name: "second", fault: registrytest.Fault{Skip: 1, Times: 1}, want: []int{200, 503, 200}},
		{name: "all but the first", fault: registrytest.Fault{Skip: 1}, want: []int{200, 503, 503}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reg := registrytest.Start(t, registrytest.Options{})
			pushImage(t, reg, "app", "v1")
			fault := tt.fault
			fault.Action = registrytest.Status(503, nil)
			remove := reg.Inject(fault)
			ask := func() []int {
				return []int{
					do(t, "HEAD", reg.URL()+manifest, nil).Status,
					do(t, "GET", reg.URL()+manifest, nil).Status,
					do(t, "GET", reg.URL()+tags, nil).Status,
				}
			}
			if diff := cmp.Diff(tt.want, ask()); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			remove()
			if diff := cmp.Diff([]int{200, 200, 200}, ask()); diff != "" {
				t.Errorf("status after removal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProbabilityIsReproducible(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (failed []bool) {
		reg := registrytest.Start(t, registrytest.Options{})
		reg.Inject(registrytest.Fault{Probability: 0.5, Seed: seed, Action: registrytest.Status(503, nil)})
		for range 40 {
			failed = append(failed, do(t, "", reg.URL()+"/v2/", nil).Status == 503)
		}
		return failed
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("same seed (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, run(2)) {
		t.Error("another seed fails the same requests")
	}
	hits := 0
	for _, failed := range first {
		if failed {
			hits++
		}
	}
	if hits == 0 || hits == len(first) {
		t.Errorf("hits: got %d of %d, want some", hits, len(first))
	}
}

func TestFaultsCompose(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	order := make(chan string, 2)
	note := func(name string) registrytest.Action {
		return registrytest.Custom(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				order <- name
				next.ServeHTTP(w, req)
			})
		})
	}
	reg.Inject(registrytest.Fault{Action: note("outer")})
	reg.Inject(registrytest.Fault{Action: note("inner")})
	do(t, "", reg.URL()+"/v2/", nil)
	if first, second := <-order, <-order; first != "outer" || second != "inner" {
		t.Errorf("order: got %s, %s, want outer, inner", first, second)
	}
}

func TestFaultsComeAfterAuthentication(t *testing.T) {
	t.Parallel()
	header := http.Header{"Authorization": {"Basic dTpw"}} // u:p
	for beforeAuth, want := range map[bool][]int{false: {401, 503}, true: {503, 503}} {
		reg := registrytest.Start(t, registrytest.Options{Basic: &registrytest.Basic{Username: "u", Password: "p"}})
		reg.Inject(registrytest.Fault{BeforeAuth: beforeAuth, Action: registrytest.Status(503, nil)})
		got := []int{
			do(t, "", reg.URL()+"/v2/", nil).Status,
			do(t, "", reg.URL()+"/v2/", header).Status,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("BeforeAuth %t (-want +got):\n%s", beforeAuth, diff)
		}
	}
}

func TestTokenServerFaults(t *testing.T) {
	t.Parallel()
	for _, separate := range []bool{false, true} {
		reg := registrytest.Start(t, registrytest.Options{Token: &registrytest.Token{SeparateHost: separate}})
		reg.Inject(registrytest.Fault{Kind: registrytest.KindToken, Action: registrytest.Status(429, http.Header{"Retry-After": {"7"}})})
		resp := do(t, "", reg.TokenURL()+"?service=registrytest", nil)
		if resp.Status != 429 || resp.Header.Get("Retry-After") != "7" {
			t.Errorf("separate host %t: got %d, Retry-After %q, want 429, 7", separate, resp.Status, resp.Header.Get("Retry-After"))
		}
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	arrived := make(chan struct{})
	reg.Inject(registrytest.Fault{Action: signal(arrived)})
	reg.Inject(registrytest.Fault{Action: registrytest.Hang()})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if err := get(ctx, reg.URL()+"/v2/"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestCloseEndsHangingRequests(t *testing.T) {
	t.Parallel()
	reg, err := registrytest.New(registrytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	reg.Inject(registrytest.Fault{Action: signal(arrived)})
	reg.Inject(registrytest.Fault{Action: registrytest.Hang()})
	failed := make(chan error)
	go func() { failed <- get(context.Background(), reg.URL()+"/v2/") }()
	<-arrived
	reg.Close()
	if err := <-failed; err == nil {
		t.Error("request was answered")
	}
}

func TestHoldAnswersWhenReleased(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	arrived, release := make(chan struct{}), make(chan struct{})
	reg.Inject(registrytest.Fault{Action: signal(arrived)})
	reg.Inject(registrytest.Fault{Action: registrytest.Hold(release)})
	answered := make(chan error)
	go func() { answered <- get(context.Background(), reg.URL()+"/v2/") }()
	<-arrived
	select {
	case err := <-answered:
		t.Fatalf("answered before release: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	const delay = 30 * time.Millisecond
	reg := registrytest.Start(t, registrytest.Options{})
	reg.Inject(registrytest.Fault{Action: registrytest.Delay(delay)})
	start := time.Now()
	do(t, "", reg.URL()+"/v2/", nil)
	if got := time.Since(start); got < delay {
		t.Errorf("answered after %s, want at least %s", got, delay)
	}
}

// signal closes arrived at the first request and answers as usual.
func signal(arrived chan struct{}) registrytest.Action {
	return registrytest.Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			close(arrived)
			next.ServeHTTP(w, req)
		})
	})
}

func get(ctx context.Context, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
