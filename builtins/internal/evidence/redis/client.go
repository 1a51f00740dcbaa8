// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/behind"
)

// Event is what happened, for counting.
type Event string

// The events.
const (
	Hit     Event = "hit"     // the server had it
	Miss    Event = "miss"    // it had not
	Corrupt Event = "corrupt" // it had something else
	Stored  Event = "stored"  // something was written
	Dropped Event = "dropped" // the server was not asked: it does not answer, or not as fast as it would be asked
	Failed  Event = "failed"  // it did not answer, or refused
)

// What is counted: contents named by digest, and facts, which change.
const (
	Contents = "redis"
	Facts    = "redis_facts"
)

// Options say where the server is and how long it may take.
type Options struct {
	// Address is host:port. Required.
	Address string
	// Database is the number of the database.
	Database int
	// TLS is used for every connection. Nil: none is.
	TLS *tls.Config
	// Dial opens connections. Required.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Username is that of an ACL. "": the default user.
	Username string
	// PasswordFile holds the password; it is read for every connection. "": none.
	PasswordFile string
	// Key authenticates facts: 32 bytes or more, the same for all replicas. Empty:
	// facts are not shared.
	Key []byte
	// Prefix begins every key.
	Prefix string
	// Timeout bounds one request, with connecting and waiting for a connection.
	// Zero: 50 ms.
	Timeout time.Duration
	// Connections bounds the connections. Zero: 16.
	Connections int
	// MaxValueBytes bounds one value, in bytes; a larger one is not shared. Zero:
	// 4 MiB.
	MaxValueBytes int64
	// Observe is told what happens, to [Contents] or [Facts]. Nil: nobody is.
	Observe func(what string, e Event)
	// Changed is told when the server begins to answer (nil) and when it ceases to.
	// Nil: nobody is.
	Changed func(error)
}

// Client is one replica's side. It may be shared between goroutines. See [Open].
type Client struct {
	options Options
	server  *server
	seal    *seal // nil: facts are not shared
	queue   *behind.Queue[entry]
}

// entry is what waits to be written.
type entry struct {
	what, name string
	value      []byte
	ttl        time.Duration
}

// Open returns the client after the server has answered, or within a second
// without: that it does not answer is told to Changed and is no error. The caller
// closes the client.
func Open(o Options) *Client {
	o = o.withDefaults()
	c := &Client{options: o, server: newServer(o)}
	if len(o.Key) > 0 {
		c.seal = &seal{o.Key}
	}
	c.queue = behind.New(c.write)
	go c.queue.Run(func() {}, c.server.close)
	return c
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, 50*time.Millisecond)
	o.Connections = cmp.Or(o.Connections, 16)
	o.MaxValueBytes = cmp.Or(o.MaxValueBytes, 4<<20)
	if o.Observe == nil {
		o.Observe = func(string, Event) {}
	}
	if o.Changed == nil {
		o.Changed = func(error) {}
	}
	return o
}

// Facts is where tags and lists of referrers are shared, nil without a key.
func (c *Client) Facts() evidence.Facts {
	if c.seal == nil {
		return nil
	}
	return c
}

// Close writes what waits, for a moment, and drops the connections. What was not
// written will be fetched by others, which costs only time.
func (c *Client) Close() { c.queue.Close() }

// put queues an entry that is not too large.
func (c *Client) put(e entry) {
	if size := int64(len(e.value)); size == 0 || size > c.options.MaxValueBytes {
		return
	}
	if !c.server.answers() || !c.queue.Add(e, int64(len(e.value))) {
		c.options.Observe(e.what, Dropped)
	}
}

func (c *Client) write(e entry) {
	_, err := c.server.do(context.Background(), "SET", e.name, e.value, "PX", max(e.ttl.Milliseconds(), 1))
	c.options.Observe(e.what, outcome(err, Stored))
}

// outcome names how a request ended that may have been good.
func outcome(err error, good Event) Event {
	switch {
	case err == nil:
		return good
	case unasked(err):
		return Dropped
	case isWrongType(err): // somebody else's key, or a poisoned one
		return Corrupt
	default:
		return Failed
	}
}
