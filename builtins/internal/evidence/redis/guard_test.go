// SPDX-License-Identifier: Apache-2.0

package redis_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/redis"
)

const maxValue = 10

// wire is a connection on which a server has said all it will.
type wire struct {
	net.Conn
	io.Reader
}

func (w wire) Read(p []byte) (int, error) { return w.Reader.Read(p) }

// through reads what a server said, all at once and byte by byte.
func through(tb testing.TB, said []byte) ([]byte, error) {
	tb.Helper()
	whole, err := io.ReadAll(redis.NewGuard(wire{Reader: bytes.NewReader(said)}, maxValue))
	dripped, drippedErr := io.ReadAll(redis.NewGuard(wire{Reader: iotest.OneByteReader(bytes.NewReader(said))}, maxValue))
	if (err == nil) != (drippedErr == nil) || err == nil && !bytes.Equal(whole, dripped) {
		tb.Errorf("%.80q: at once %v, byte by byte %v", said, err, drippedErr)
	}
	return dripped, err
}

func TestGuardLetsGoodRepliesPass(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"+OK\r\n", "-ERR no\r\n", ":1\r\n", "$-1\r\n", "$0\r\n\r\n", "$10\r\n0123456789\r\n", "$4\r\n$99\n\r\n+OK\r\n", "$3\r\n*9\r\r\n:1\r\n",
	} {
		if got, err := through(t, []byte(said)); err != nil || string(got) != said {
			t.Errorf("%q: %q, %v", said, got, err)
		}
	}
}

// Threat: a server that announces gigabytes, or nests arrays without end, must not
// cost memory or stack.
func TestGuardEndsTheConnectionBeforeTheLibraryReadsAnAnnouncement(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, said, passes string }{
		{"value too large", "+OK\r\n$11\r\n", "+OK\r\n$11\r"},
		{"value of gigabytes", "$9999999999\r\n", "$9999999999\r"},
		{"overflow", "$99999999999999999999999\r\n", "$99999999999999999999999\r"},
		{"negative", "$-2\r\n", "$-2\r"},
		{"no number", "$x\r\n", "$x\r"},
		{"array", "*1\r\n", "*1\r"},
		{"nested arrays", strings.Repeat("*1\r\n", 1000), "*1\r"},
		{"map of RESP3", "%1\r\n", "%1\r"},
		{"empty line", "\r\n", "\r"},
		{"line without end", "+" + strings.Repeat("x", 1<<20), "+" + strings.Repeat("x", 4095)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := through(t, []byte(tt.said))
			if !errors.Is(err, redis.ErrReply) || string(got) != tt.passes {
				t.Errorf("passed %.80q, %v", got, err)
			}
		})
	}
}

func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "$3\r\nabc\r\n:1\r\n", "$11\r\n", "*1\r\n", "$-1\r\n-ERR\r\n", "\n\n", "$3\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		if got, err := through(t, said); err == nil && !bytes.Equal(got, said) {
			t.Errorf("%q became %q", said, got)
		}
	})
}
