// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// errReply is wrapped by the error about a reply that no good server gives.
var errReply = errors.New("a reply that was not asked for")

// maxLineBytes bounds a line: a status, an error, the length of a value.
const maxLineBytes = 4 << 10

// guard reads along with the client library, which takes memory for as many bytes
// as the server announces and recurses as deep as arrays are nested: it ends the
// connection before the library sees such an announcement. Of the commands that are
// sent none is answered by an array.
//
// Spec: Redis serialization protocol (RESP2).
type guard struct {
	net.Conn
	maxValue int64

	line []byte // so far
	skip int64  // bytes of a value that are still to come, with its line end
}

// Read gives what has been looked at.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if refused := g.look(p[:n]); refused != nil {
		return 0, refused
	}
	return n, err
}

func (g *guard) look(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, int64(len(b)))
			b, g.skip = b[n:], g.skip-n
			continue
		}
		end := bytes.IndexByte(b, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(b)
		}
		if len(g.line)+end > maxLineBytes {
			return fmt.Errorf("%w: a line of more than %d bytes", errReply, maxLineBytes)
		}
		g.line, b = append(g.line, b[:end]...), b[end:]
		if !whole {
			return nil
		}
		if err := g.begin(string(bytes.TrimRight(g.line, "\r\n"))); err != nil {
			return err
		}
		g.line = g.line[:0]
	}
	return nil
}

// begin looks at the first line of a reply.
func (g *guard) begin(line string) error {
	if line == "" {
		return fmt.Errorf("%w: an empty line", errReply)
	}
	switch line[0] {
	case '+', '-', ':':
		return nil
	case '$':
		n, err := strconv.ParseInt(line[1:], 10, 64)
		if err != nil || n < -1 || n > g.maxValue {
			return fmt.Errorf("%w: a value of %.20q bytes, where at most %d were", errReply, line[1:], g.maxValue)
		}
		if n >= 0 {
			g.skip = n + int64(len("\r\n"))
		}
		return nil
	default:
		return fmt.Errorf("%w: of type %q", errReply, line[0])
	}
}
