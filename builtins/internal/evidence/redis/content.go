// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"crypto/sha256"
	_ "crypto/sha512" // digests may be sha512, too
	"encoding/base64"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// contentTTL is how long a content is kept after it was written last: a server
// without a limit of its memory must not grow for ever.
const contentTTL = 24 * time.Hour

// Get returns the content that was put under key, whose digest is want and whose
// size, in bytes, is size (0: any up to MaxValueBytes). The bytes are the caller's.
// False: the server did not give it in time, or what it gave is not that content.
func (c *Client) Get(ctx context.Context, key string, want digest.Digest, size int64) ([]byte, bool) {
	if want.Validate() != nil || size < 0 || size > c.options.MaxValueBytes {
		return nil, false
	}
	b, event := c.read(ctx, c.contentName(key, want), size)
	if event == Hit && (size != 0 && int64(len(b)) != size || want.Algorithm().FromBytes(b) != want) {
		event = Corrupt
	}
	c.options.Observe(Contents, event)
	return b, event == Hit
}

// Put shares b, whose digest is d, under key, some time soon and if it can. It does
// not wait. b must not be changed afterwards.
func (c *Client) Put(key string, d digest.Digest, b []byte) {
	c.put(entry{Contents, c.contentName(key, d), b, contentTTL})
}

// contentName is a hash, so that no list of the server's keys tells which
// repositories were asked for.
func (c *Client) contentName(key string, d digest.Digest) string {
	name := sha256.Sum256(fmt.Appendf(nil, "%q %q", key, d.String()))
	return c.options.Prefix + "content:" + base64.RawURLEncoding.EncodeToString(name[:])
}

// read reads one value of at most limit bytes (0: MaxValueBytes). The server is
// asked for one byte more, so that a value that is too large is known by it, and is
// not sent.
func (c *Client) read(ctx context.Context, name string, limit int64) ([]byte, Event) {
	if limit == 0 {
		limit = c.options.MaxValueBytes
	}
	b, err := c.server.bytes(ctx, "GETRANGE", name, 0, limit)
	switch {
	case err != nil:
		return nil, outcome(err, Hit)
	case len(b) == 0:
		return nil, Miss
	case int64(len(b)) > limit:
		return nil, Corrupt
	default:
		return b, Hit
	}
}
