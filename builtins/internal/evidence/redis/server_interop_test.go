// SPDX-License-Identifier: Apache-2.0

//go:build interop

package redis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
	"github.com/opa-ratify/opa-ratify/test/redistest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// patience is enough for a server that shares two cores with other tests.
const patience = 10 * time.Second

func open(tb testing.TB, s *redistest.Server, with func(*redis.Options)) (*redis.Client, *events) {
	tb.Helper()
	e := newEvents()
	o := redis.Options{Address: s.Address, Dial: (&net.Dialer{}).DialContext, Prefix: "test:", Timeout: patience, Observe: e.observe, Changed: e.changed}
	if with != nil {
		with(&o)
	}
	c := redis.Open(o)
	tb.Cleanup(c.Close)
	return c, e
}

func put(tb testing.TB, c *redis.Client, e *events, key, content string) {
	tb.Helper()
	before := e.sum(redis.Contents, redis.Stored)
	c.Put(key, digest.FromString(content), []byte(content))
	e.wait(tb, "redis stored", before+1)
}

func get(tb testing.TB, c *redis.Client, key, content string) bool {
	tb.Helper()
	b, ok := c.Get(tb.Context(), key, digest.FromString(content), int64(len(content)))
	if ok && string(b) != content {
		tb.Errorf("got %q for %q", b, content)
	}
	return ok
}

func TestInteropReplicasShareContents(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	one, events := open(t, s, nil)
	other, _ := open(t, s, nil)
	elsewhere, _ := open(t, s, func(o *redis.Options) { o.Prefix = "other:" })
	database, _ := open(t, s, func(o *redis.Options) { o.Database = 3 })
	small, _ := open(t, s, func(o *redis.Options) { o.MaxValueBytes = 8 })
	put(t, one, events, "a key", "a content")
	for _, tt := range []struct {
		name         string
		client       *redis.Client
		key, content string
		size         int64
		want         bool
	}{
		{"the same replica", one, "a key", "a content", 9, true},
		{"another replica", other, "a key", "a content", 9, true},
		{"of unknown size", other, "a key", "a content", 0, true},
		{"of another size", other, "a key", "a content", 8, false},
		{"another key", other, "b key", "a content", 9, false},
		{"another digest", other, "a key", "b content", 9, false},
		{"another prefix", elsewhere, "a key", "a content", 9, false},
		{"another database", database, "a key", "a content", 9, false},
		{"larger than is read", small, "a key", "a content", 0, false},
	} {
		b, ok := tt.client.Get(t.Context(), tt.key, digest.FromString(tt.content), tt.size)
		if ok != tt.want || ok && string(b) != tt.content {
			t.Errorf("%s: %q, %t", tt.name, b, ok)
		}
	}
	keys := s.Keys(t, "*")
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "test:content:") || strings.Contains(keys[0], "key") {
		t.Errorf("keys %q", keys)
	}
	if ttl, ok := s.Do(t, "PTTL", keys[0]).(int64); !ok || ttl < 23*3600*1000 {
		t.Errorf("kept for %v ms", ttl)
	}
}

// Threat: whoever can write to the server.
func TestInteropAPoisonedContentWasNeverThere(t *testing.T) {
	t.Parallel()
	const content = "a content that somebody signed"
	s := redistest.Start(t, redistest.Options{})
	c, events := open(t, s, nil)
	put(t, c, events, "another key", "another content")
	other := s.Value(t, s.Keys(t, "*")[0])
	for _, tt := range []struct {
		name   string
		poison func(key string)
		want   redis.Event
	}{
		{"flipped bit", func(key string) { s.Do(t, "SETBIT", key, 7, 1-(content[0]&1)) }, redis.Corrupt},
		{"cut short", func(key string) { s.Do(t, "SET", key, content[:9]) }, redis.Corrupt},
		{"longer", func(key string) { s.Do(t, "APPEND", key, "!") }, redis.Corrupt},
		{"other content", func(key string) { s.Do(t, "SET", key, other) }, redis.Corrupt},
		{"huge", func(key string) { s.Do(t, "SETRANGE", key, 256<<20, "!") }, redis.Corrupt},
		{"empty", func(key string) { s.Do(t, "SET", key, "") }, redis.Miss},
		{"gone", func(key string) { s.Do(t, "DEL", key) }, redis.Miss},
		{"of another type", func(key string) { s.Do(t, "DEL", key); s.Do(t, "LPUSH", key, content) }, redis.Corrupt},
	} {
		s.Do(t, "FLUSHALL")
		put(t, c, events, "a key", content)
		if !get(t, c, "a key", content) {
			t.Fatalf("%s: it is not there before", tt.name)
		}
		tt.poison(s.Keys(t, "*")[0])
		before := events.sum(redis.Contents, tt.want)
		for _, size := range []int64{int64(len(content)), 0} {
			if b, ok := c.Get(t.Context(), "a key", digest.FromString(content), size); ok {
				t.Errorf("%s: got %q", tt.name, b)
			}
		}
		if n := events.sum(redis.Contents, tt.want) - before; n != 2 {
			t.Errorf("%s: %d events %q", tt.name, n, tt.want)
		}
		put(t, c, events, "a key", content)
		if !get(t, c, "a key", content) {
			t.Errorf("%s: it is not there after it was put again", tt.name)
		}
	}
	if seen, _ := events.all(); seen["down"] != 0 {
		t.Errorf("poison took the server down: %v", seen)
	}
}

func TestInteropPasswordsAreReadForEveryConnection(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{Password: "geheim"})
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, none := open(t, s, nil)
	none.wait(t, "down", 1)
	write("falsch")
	c, events := open(t, s, func(o *redis.Options) { o.PasswordFile = file })
	events.wait(t, "down", 1)
	seen, _ := events.all()
	for what := range seen {
		if strings.Contains(what, "falsch") || strings.HasPrefix(what, s.Address) && !strings.Contains(what, "correct username or the content of password_file") {
			t.Errorf("told %q", what)
		}
	}
	if get(t, c, "a key", "a content") {
		t.Error("got a content without the password")
	}
	write("geheim")
	events.wait(t, "up", 1)
	put(t, c, events, "a key", "a content")

	s.Do(t, "ACL", "SETUSER", "ratify", "on", ">eins", "~test:*", "+getrange", "+set")
	write("eins")
	user, events := open(t, s, func(o *redis.Options) { o.PasswordFile, o.Username = file, "ratify" })
	if !get(t, user, "a key", "a content") {
		t.Error("nothing for a user who may do no more than is needed")
	}
	s.Do(t, "ACL", "SETUSER", "ratify", "resetpass", ">zwei")
	s.Do(t, "CLIENT", "KILL", "USER", "ratify")
	write("zwei")
	for !get(t, user, "a key", "a content") {
		events.wait(t, "up", 2)
	}
	put(t, user, events, "b key", "b content")
}

func TestInteropTLS(t *testing.T) {
	t.Parallel()
	certs, strangers := redistest.Certificates(t), redistest.Certificates(t)
	s := redistest.Start(t, redistest.Options{TLS: certs, Password: "geheim"})
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("geheim"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		tls  *tls.Config
		want bool
	}{
		{"client certificate", config(t, certs, certs, "127.0.0.1"), true},
		{"no client certificate", config(t, certs, nil, "127.0.0.1"), false},
		{"stranger's client certificate", config(t, certs, strangers, "127.0.0.1"), false},
		{"stranger's server", config(t, strangers, certs, "127.0.0.1"), false},
		{"server of another name", config(t, certs, certs, "127.0.0.2"), false},
		{"no TLS", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, events := open(t, s, func(o *redis.Options) { o.TLS, o.PasswordFile = tt.tls, file })
			if seen, _ := events.all(); seen["up"] > 0 != tt.want {
				t.Fatalf("%v", seen)
			}
			if tt.want {
				put(t, c, events, tt.name, "a content")
			}
			if get(t, c, tt.name, "a content") != tt.want {
				t.Errorf("want %t", tt.want)
			}
		})
	}
}

func config(t *testing.T, server, client *servetest.Certificates, name string) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(server.CA)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), ServerName: name}
	c.RootCAs.AppendCertsFromPEM(ca)
	if client != nil {
		pair, err := client.KeyPair()
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func TestInteropAServerThatIsKilledComesBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	c, events := open(t, s, nil)
	put(t, c, events, "a key", "a content")
	s.Kill()
	if get(t, c, "a key", "a content") {
		t.Error("got a content from nowhere")
	}
	events.wait(t, "down", 1)
	c.Put("a key", digest.FromString("a content"), []byte("a content"))
	events.wait(t, "redis dropped", 1)
	s.Restart(t)
	events.wait(t, "up", 2)
	if get(t, c, "a key", "a content") {
		t.Error("it came back with its contents")
	}
	put(t, c, events, "a key", "a content")
	if !get(t, c, "a key", "a content") {
		t.Error("nothing after it came back")
	}
}

// One question waits for a server that hangs, and only for the timeout.
func TestInteropAServerThatHangsIsLeftAlone(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	s := redistest.Start(t, redistest.Options{})
	c, events := open(t, s, func(o *redis.Options) { o.Timeout = timeout })
	put(t, c, events, "a key", "a content")
	s.Hang(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*timeout)
	defer cancel()
	for range 10_000 { // each as slow as the first would take hours
		if _, ok := c.Get(ctx, "a key", digest.FromString("a content"), 9); ok {
			t.Fatal("got a content from a server that hangs")
		}
	}
	if ctx.Err() != nil {
		t.Errorf("10000 questions took more than %v", 10*timeout)
	}
	if failed := events.sum(redis.Contents, redis.Failed); failed != 1 {
		t.Errorf("waited for the server %d times", failed)
	}
	s.Resume(t)
	events.wait(t, "up", 2)
	if !get(t, c, "a key", "a content") {
		t.Error("nothing after it resumed")
	}
}

func TestInteropAFullServerIsReadAndEvicts(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	for policy, want := range map[string]string{"noeviction": "redis failed", "allkeys-lru": "redis stored"} {
		s := redistest.Start(t, redistest.Options{Args: []string{"--maxmemory", "8mb", "--maxmemory-policy", policy}})
		c, events := open(t, s, nil)
		put(t, c, events, "first", "a content")
		if !get(t, c, "first", "a content") {
			t.Errorf("%s: nothing before it is full", policy)
		}
		for i := range 20 {
			content := large + string(rune('a'+i))
			c.Put("many", digest.FromString(content), []byte(content))
		}
		for done := 0; done < 21; done = events.sum(redis.Contents, redis.Stored, redis.Failed) {
			events.wait(t, want, events.sum(redis.Contents, redis.Event(strings.TrimPrefix(want, "redis ")))+1)
		}
		if seen, _ := events.all(); seen["down"] != 0 || seen[want] < 5 {
			t.Errorf("%s: %v", policy, seen)
		}
		if last := large + "t"; policy == "allkeys-lru" && !get(t, c, "many", last) || policy == "noeviction" && !get(t, c, "first", "a content") {
			t.Errorf("%s: what should have stayed is gone", policy)
		}
	}
}
