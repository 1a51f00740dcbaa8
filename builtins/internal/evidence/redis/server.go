// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Why the server was not asked.
var (
	errDown = errors.New("the server does not answer")
	errBusy = errors.New("all connections are in use")
)

const (
	// probeEvery is how often a server that does not answer is asked again, by
	// nobody who waits.
	probeEvery = time.Second
	// probeTimeout bounds that, with connecting: where a request has to give up, a
	// probe may find out that the server is merely far away.
	probeTimeout = time.Second
	// idleTimeout is below the idle timeouts of common proxies.
	idleTimeout = time.Minute
)

// server is the connections to the server, as long as it answers.
type server struct {
	options Options
	pool    atomic.Pointer[redis.Pool] // nil: it does not answer
	lost    chan error
	cancel  context.CancelFunc
	ended   chan struct{}
	told    string // the last fault that was told; of the watcher alone
}

// newServer asks the server once and then watches it in the background.
func newServer(o Options) *server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{options: o, lost: make(chan error, 1), cancel: cancel, ended: make(chan struct{})}
	answers := s.probe(ctx)
	go s.watch(ctx, answers)
	return s
}

func (s *server) newPool() *redis.Pool {
	return &redis.Pool{
		DialContext: s.dial, MaxIdle: s.options.Connections, MaxActive: s.options.Connections, Wait: true, IdleTimeout: idleTimeout,
	}
}

// answers reports that nothing speaks against asking.
func (s *server) answers() bool { return s.pool.Load() != nil }

// do asks the server, for no longer than Timeout in all. A server that does not
// answer is not asked again before a probe has been answered.
func (s *server) do(ctx context.Context, command string, args ...any) (any, error) {
	pool := s.pool.Load()
	if pool == nil {
		return nil, errDown
	}
	asking, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	reply, err := ask(asking, pool, command, args...)
	if err != nil && ctx.Err() == nil && !isReply(err) && !unasked(err) {
		s.lose(pool, err)
	}
	return reply, err
}

// bytes is do for a command that reads. A server that refuses to be read is of no
// more use than one that does not answer.
func (s *server) bytes(ctx context.Context, command string, args ...any) ([]byte, error) {
	pool := s.pool.Load()
	b, err := redis.Bytes(s.do(ctx, command, args...))
	if isReply(err) && !isWrongType(err) {
		s.lose(pool, err)
	}
	return b, err
}

func ask(ctx context.Context, pool *redis.Pool, command string, args ...any) (any, error) {
	conn, err := pool.GetContext(ctx)
	if err != nil {
		if !errors.Is(err, errDial) {
			err = errBusy
		}
		return nil, err
	}
	defer conn.Close() // back to the pool
	return within(ctx, conn, command, args...)
}

// within is a command whose reply comes before ctx ends, or not at all.
func within(ctx context.Context, c redis.Conn, command string, args ...any) (any, error) {
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	return redis.DoWithTimeout(c, max(left, time.Millisecond), command, args...)
}

// lose stops asking the server.
func (s *server) lose(pool *redis.Pool, because error) {
	if pool == nil || !s.pool.CompareAndSwap(pool, nil) {
		return
	}
	_ = pool.Close() // connections in use follow
	select {
	case s.lost <- because:
	default:
	}
}

// watch asks a server that does not answer again and again, and ends with ctx.
func (s *server) watch(ctx context.Context, answers bool) {
	defer close(s.ended)
	for {
		if answers {
			select {
			case because := <-s.lost:
				s.tell(because)
			case <-ctx.Done():
				return
			}
		}
		if !rest(ctx) {
			return
		}
		answers = s.probe(ctx)
	}
}

// rest waits until the next probe is due. False: ctx has ended.
func rest(ctx context.Context) bool {
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// probe asks as [Client.Get] does, over a new connection, and says what came of it.
func (s *server) probe(ctx context.Context) bool {
	pool := s.newPool()
	if err := s.try(ctx, pool); err != nil {
		_ = pool.Close()
		s.tell(err)
		return false
	}
	s.pool.Store(pool)
	s.tell(nil)
	return true
}

// try connects in probeTimeout, and then wants an answer in Timeout: a server that
// never gives one in time only costs time.
func (s *server) try(ctx context.Context, pool *redis.Pool) error {
	for _, timeout := range []time.Duration{probeTimeout, s.options.Timeout} {
		asking, cancel := context.WithTimeout(ctx, timeout)
		_, err := ask(asking, pool, "GETRANGE", s.options.Prefix+"probe", 0, 0)
		cancel()
		if err != nil && !isWrongType(err) {
			return err
		}
	}
	return nil
}

// tell tells what has changed.
func (s *server) tell(err error) {
	if err == nil {
		s.told = ""
		s.options.Changed(nil)
		return
	}
	if what := err.Error(); what != s.told {
		s.told = what
		s.options.Changed(fmt.Errorf("%s: %w; registries are asked instead until it answers", s.options.Address, err))
	}
}

func (s *server) close() {
	s.cancel()
	<-s.ended
	if pool := s.pool.Swap(nil); pool != nil {
		_ = pool.Close()
	}
}

func unasked(err error) bool { return errors.Is(err, errDown) || errors.Is(err, errBusy) }

// isReply reports that the server did answer: it refuses.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok && !errors.Is(err, errDial)
}

func isWrongType(err error) bool {
	reply, ok := errors.AsType[redis.Error](err)
	return ok && strings.HasPrefix(string(reply), "WRONGTYPE")
}
