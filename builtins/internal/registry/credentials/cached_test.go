// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// service gives credentials that are numbered and live for life.
type service struct {
	life    time.Duration
	takes   time.Duration
	fetches atomic.Int32
	down    atomic.Bool
}

func (s *service) fetch(_ context.Context, host string) (auth.Credential, time.Time, error) {
	n := s.fetches.Add(1)
	if s.takes > 0 {
		<-time.After(s.takes)
	}
	if s.down.Load() {
		return auth.EmptyCredential, time.Time{}, errors.New("down")
	}
	return auth.Credential{Username: host, Password: fmt.Sprint(n)}, time.Now().Add(s.life), nil
}

// step asks after d and wants a password and a number of fetches, those in the
// background included.
func step(t *testing.T, c *credentials.Cached, s *service, d time.Duration, want string, fetches int32) {
	t.Helper()
	<-time.After(d)
	credential, err := c.Credential(t.Context(), "a.example")
	got := credential.Password
	if err != nil {
		got = err.Error()
	}
	synctest.Wait()
	if !strings.HasPrefix(got, want) || want == "" && got != "" || s.fetches.Load() != fetches {
		t.Errorf("%q after %d fetches, want %q after %d", got, s.fetches.Load(), want, fetches)
	}
}

func TestCachedFetchesOncePerHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour, takes: time.Second}
		c := credentials.NewCached(s.fetch, nil)
		impatient, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := c.Credential(impatient, "a.example"); !errors.Is(err, context.Canceled) {
				t.Errorf("the first caller: %v", err)
			}
		})
		synctest.Wait()
		for i := range 200 {
			callers.Go(func() {
				host := []string{"a.example", "b.example"}[i%2]
				if got, err := c.Credential(t.Context(), host); err != nil || got.Username != host {
					t.Errorf("%s: %v, %v", host, got.Username, err)
				}
			})
		}
		cancel()
		callers.Wait()
		if n := s.fetches.Load(); n != 2 {
			t.Errorf("%d fetches for 2 hosts", n)
		}
	})
}

func TestCachedRenewsAheadOfExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		c := credentials.NewCached(s.fetch, nil)
		step(t, c, s, 0, "1", 1)
		step(t, c, s, 54*time.Minute, "1", 1)
		step(t, c, s, time.Minute, "1", 2) // renewed while the old one is used
		step(t, c, s, 0, "2", 2)
		step(t, c, s, 2*time.Hour, "3", 3)
	})
}

// A good credential outlives an outage; afterwards the reason is told without
// asking each time.
func TestCachedDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		c := credentials.NewCached(s.fetch, nil)
		step(t, c, s, 0, "1", 1)
		s.down.Store(true)
		step(t, c, s, 55*time.Minute, "1", 2)
		step(t, c, s, 0, "1", 2) // paused for 1 s
		step(t, c, s, time.Second, "1", 3)
		step(t, c, s, time.Second, "1", 3) // paused for 2 s
		step(t, c, s, time.Second, "1", 4)
		step(t, c, s, 5*time.Minute, "down", 5)
		step(t, c, s, 0, "down (asked again from 2000-01-01T01:", 5)
		s.down.Store(false)
		step(t, c, s, time.Minute, "6", 6)
	})
}

func TestCachedDropsWhatARegistryRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{life: time.Hour}
		c := credentials.NewCached(s.fetch, nil)
		step(t, c, s, 0, "1", 1)
		held := auth.Credential{Username: "a.example", Password: "1"}
		if c.Refused("a.example", held) {
			t.Error("a new credential was dropped")
		}
		<-time.After(time.Minute)
		if c.Refused("a.example", user("other")) || c.Refused("b.example", held) || !c.Refused("a.example", held) {
			t.Error("not exactly the credential that was refused was dropped")
		}
		step(t, c, s, 0, "2", 2)
	})
}

func TestCachedRefusesWhatIsOfNoUse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fetch credentials.Fetch
		want  string
	}{
		"expired": {func(context.Context, string) (auth.Credential, time.Time, error) {
			return user("u"), time.Unix(1, 0), nil
		}, "expired at 1970-01-01T00:00:01Z"},
		"empty": {func(context.Context, string) (auth.Credential, time.Time, error) {
			return auth.EmptyCredential, time.Time{}, nil
		}, "it has no credential for this registry"},
		"panic": {func(context.Context, string) (auth.Credential, time.Time, error) { panic("boom") }, "internal fault, please report it: boom"},
	} {
		if got, err := credentials.NewCached(tt.fetch, nil).Credential(t.Context(), "a.example"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", name, got.Username, err)
		}
	}
}
