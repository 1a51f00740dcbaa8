// SPDX-License-Identifier: Apache-2.0

//go:build interop

package service_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/redistest"
)

// replica is a service that lives for one question about every image: it asks the
// registry for nothing it has asked itself, and has written all it will when it ends.
type replica struct {
	reports  string
	requests int
	verdicts map[report.Verdict]int
}

func (s *scene) replica(t *testing.T, change func(*config.Config), now func() time.Time) replica {
	t.Helper()
	c := config.Default()
	c.Notation.Disabled = true
	change(c)
	ask, err := service.New(c, service.Deps{Now: now})
	fatal(t, err)
	doc, err := ask.ParseTrust(t.Context(), s.trust)
	fatal(t, err)
	s.registry.ResetRequests()
	r := replica{verdicts: map[report.Verdict]int{}}
	var reports []*report.Report
	for _, image := range s.images {
		got := ask.Verify(t.Context(), verify.Request{Image: image, Trust: doc})
		reports = append(reports, got)
		r.verdicts[got.Verdict]++
	}
	fatal(t, ask.Close())
	raw, err := json.MarshalIndent(reports, "", " ")
	fatal(t, err)
	r.reports, r.requests = string(raw), len(s.registry.Requests())
	return r
}

// sharing makes replicas share what server keeps, with the key that facts need or
// without one.
func sharing(server *redistest.Server, key string) func(*config.Config) {
	return func(c *config.Config) {
		c.Cache.Redis.Server = &config.RedisServer{Host: "127.0.0.1", Address: server.Address}
		c.Cache.Redis.HMACKey = []byte(key)
		c.Cache.Redis.Timeout = time.Second
	}
}

func alone(*config.Config) {}

var key = strings.Repeat("k", 32)

// A second replica asks the registry for nothing that it need not.
func TestInteropASecondReplicaAsksForLess(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	plain := s.replica(t, alone, nil)
	if want := (map[report.Verdict]int{report.Verified: 2, report.Rejected: 4, report.Inconclusive: 1}); !cmp.Equal(want, plain.verdicts) {
		t.Fatalf("verdicts %v, want %v", plain.verdicts, want)
	}
	// For each of three images: HEAD of the tag, list of referrers; for the unsigned one
	// whether it exists; for the one that does not its HEAD, which is a failure and is
	// not shared.
	const lists, tags, exists, missing = 3, 3, 1, 1
	for _, tt := range []struct {
		name, key string
		want      int
	}{
		{"contents", "", lists + tags + exists + missing},
		{"contents and facts", key, missing},
	} {
		server := redistest.Start(t, redistest.Options{})
		first := s.replica(t, sharing(server, tt.key), nil)
		second := s.replica(t, sharing(server, tt.key), nil)
		if first.requests != plain.requests || second.requests != tt.want {
			t.Errorf("%s: %d requests, then %d, want %d, then %d", tt.name, first.requests, second.requests, plain.requests, tt.want)
		}
		for which, r := range map[string]replica{"first": first, "second": second} {
			if diff := cmp.Diff(plain.reports, r.reports); diff != "" {
				t.Errorf("%s, %s replica (-alone +sharing):\n%s", tt.name, which, diff)
			}
		}
	}
}

// Threat: whoever can write to the server, stop it, or take its place. Every value
// is altered, and every replica must report what it would without the server.
func TestInteropAPoisonedServerChangesNoReport(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	plain := s.replica(t, alone, nil)
	for name, poison := range map[string]func(*testing.T, *redistest.Server, string){
		"flipped bits": func(t *testing.T, r *redistest.Server, key string) {
			t.Helper()
			value := r.Value(t, key)
			value[len(value)/2] ^= 1
			r.Do(t, "SET", key, value)
		},
		"cut short": func(t *testing.T, r *redistest.Server, key string) {
			t.Helper()
			r.Do(t, "SET", key, r.Value(t, key)[1:])
		},
		"huge": func(t *testing.T, r *redistest.Server, key string) {
			t.Helper()
			r.Do(t, "SETRANGE", key, 20<<20, "x")
		},
		"of another type": func(t *testing.T, r *redistest.Server, key string) {
			t.Helper()
			r.Do(t, "DEL", key)
			r.Do(t, "HSET", key, "a", "b")
		},
		"an empty list": func(t *testing.T, r *redistest.Server, key string) {
			t.Helper()
			r.Do(t, "SET", key, "[]")
		},
	} {
		server := redistest.Start(t, redistest.Options{})
		s.replica(t, sharing(server, key), nil)
		keys := server.Keys(t, "*")
		if len(keys) < 10 {
			t.Fatalf("keys %q", keys)
		}
		for _, key := range keys {
			poison(t, server, key)
		}
		poisoned := s.replica(t, sharing(server, key), nil)
		if diff := cmp.Diff(plain.reports, poisoned.reports); diff != "" || poisoned.requests != plain.requests {
			t.Errorf("%s: %d requests, want %d (-alone +poisoned):\n%s", name, poisoned.requests, plain.requests, diff)
		}
		if healed := s.replica(t, sharing(server, key), nil); healed.requests >= plain.requests {
			t.Errorf("%s: nothing was put in place of it", name)
		}
	}
}

func TestInteropValuesThatChangePlacesChangeNoReport(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	plain := s.replica(t, alone, nil)
	server := redistest.Start(t, redistest.Options{})
	s.replica(t, sharing(server, key), nil)
	for _, kind := range []string{"*:content:*", "*:fact:*"} {
		keys := server.Keys(t, kind)
		first := server.Value(t, keys[0])
		for i := range keys[1:] {
			server.Do(t, "SET", keys[i], server.Value(t, keys[i+1]))
		}
		server.Do(t, "SET", keys[len(keys)-1], first)
	}
	if r := s.replica(t, sharing(server, key), nil); r.reports != plain.reports || r.requests != plain.requests {
		t.Errorf("%d requests, want %d (-alone +poisoned):\n%s", r.requests, plain.requests, cmp.Diff(plain.reports, r.reports))
	}
	stranger := s.replica(t, sharing(server, strings.Repeat("s", 32)), nil)
	if stranger.reports != plain.reports {
		t.Errorf("another key (-alone +stranger):\n%s", cmp.Diff(plain.reports, stranger.reports))
	}
}

func TestInteropAServerThatIsDownOrHangsChangesNoReport(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	plain := s.replica(t, alone, nil)
	server := redistest.Start(t, redistest.Options{})
	s.replica(t, sharing(server, key), nil)
	server.Hang(t)
	hung := s.replica(t, sharing(server, key), nil)
	server.Kill()
	killed := s.replica(t, sharing(server, key), nil)
	for how, r := range map[string]replica{"hung": hung, "killed": killed} {
		if r.reports != plain.reports || r.requests != plain.requests {
			t.Errorf("%s: %d requests, want %d (-alone +%s):\n%s", how, r.requests, plain.requests, how, cmp.Diff(plain.reports, r.reports))
		}
	}
}

// Threat: a replica that may ask a registry knows what one that may not is asked.
func TestInteropAllowedRegistriesHoldForWhatOthersKnow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	server := redistest.Start(t, redistest.Options{})
	s.replica(t, sharing(server, key), nil)
	scope, err := reference.ParseScope("registry.example")
	fatal(t, err)
	r := s.replica(t, func(c *config.Config) {
		sharing(server, key)(c)
		c.AllowedRegistries = []reference.Scope{scope}
	}, nil)
	if r.verdicts[report.Verified] != 0 || r.requests != 0 || strings.Count(r.reports, string(report.RegistryNotAllowed)) < len(s.images) {
		t.Errorf("%d requests, %s", r.requests, r.reports)
	}
}

// Threat: whoever can write to the server keeps what a tag named, and gives it back
// for ever. It is believed as long as a replica's own memory would be.
func TestInteropATagThatMovedIsFollowedAfterItsTTL(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	image := s.registry.Host() + "/good:v1"
	s.images = []string{image}
	server := redistest.Start(t, redistest.Options{})
	start := time.Now()
	at := func(d time.Duration) replica {
		return s.replica(t, sharing(server, key), func() time.Time { return start.Add(d) })
	}
	if r := at(0); r.verdicts[report.Verified] != 1 {
		t.Fatalf("%s", r.reports)
	}
	old := map[string][]byte{}
	for _, key := range server.Keys(t, "*:fact:*") {
		old[key] = server.Value(t, key)
	}
	moved, err := s.registry.PushImage(t.Context(), "good", "v2")
	fatal(t, err)
	fatal(t, s.registry.Tag(t.Context(), "good", "v1", moved.Digest))
	ttl := config.Default().Cache.TagTTL
	for _, tt := range []struct {
		after time.Duration
		want  report.Verdict
	}{{ttl - time.Second, report.Verified}, {ttl, report.Rejected}, {time.Hour, report.Rejected}, {-time.Second, report.Rejected}} {
		for key, value := range old {
			server.Do(t, "SET", key, value)
		}
		if r := at(tt.after); r.verdicts[tt.want] != 1 {
			t.Errorf("after %v: want %s: %s", tt.after, tt.want, r.reports)
		}
	}
}
