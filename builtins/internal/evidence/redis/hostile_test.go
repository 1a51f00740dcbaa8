// SPDX-License-Identifier: Apache-2.0

package redis_test

import (
	"bufio"
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
)

// hostile answers the first questions as a server does that has nothing, so that it
// is believed to answer, and then with what a server never says.
func hostile(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c, says)
		}
	}()
	return l.Addr().String()
}

func answer(c net.Conn, says string) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for question := 0; lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "GETRANGE") {
			continue
		}
		question++
		reply := "$0\r\n\r\n"
		if question > 2 { // a probe asks twice
			reply = says
		}
		if _, err := c.Write([]byte(reply)); err != nil {
			return
		}
	}
}

// Threat: a server that is not what it should be, or somebody on the way to it.
func TestAHostileServerCostsSpeedOnly(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"gigabytes":      "$536870912\r\n",
		"nested arrays":  strings.Repeat("*1\r\n", 1<<20),
		"a number":       ":7\r\n",
		"a status":       "+OK\r\n",
		"no protocol":    "HTTP/1.1 400 Bad Request\r\n\r\n",
		"half a value":   "$9\r\nabc",
		"another length": "$3\r\nabcdef\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d net.Dialer
			events := newEvents()
			c := redis.Open(redis.Options{
				Address: hostile(t, says), Dial: d.DialContext, Timeout: 500 * time.Millisecond, Observe: events.observe,
			})
			defer c.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if b, ok := c.Get(context.Background(), "a key", digest.FromString("abc"), 0); ok {
				t.Errorf("got %q", b)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%d bytes were taken", grown)
			}
			if events.sum(redis.Contents, redis.Failed, redis.Corrupt) != 1 {
				t.Errorf("events %v", events)
			}
		})
	}
}
