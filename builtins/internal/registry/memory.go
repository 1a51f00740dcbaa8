// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxRemembered bounds the answers kept for conditional requests.
	maxRemembered = 4096
	// rememberedCost is what an answer takes beside its body and ETag, in bytes.
	rememberedCost = 1 << 10
	// rememberedFor is how long an answer is asked for by its ETag. Then its bytes
	// are sent again: those of a moment at which somebody between the registry and
	// us altered them under the registry's own ETag would otherwise stay for good.
	rememberedFor = 30 * time.Second
	// maxETag bounds an ETag, in bytes: those of registries have 66 or so.
	maxETag = 256
)

// memory keeps lists of referrers with their ETags, so that one that has not
// changed is answered 304 without its bytes. It is bounded in bytes; the one asked
// for longest ago goes first. An answer is kept under whose credential it was
// given for, and used only when the registry has just said to this very request
// that it still stands.
//
// Spec: RFC 9110, sections 8.8.3, 13.1.2 and 15.4.5.
type memory struct {
	mu      sync.Mutex
	entries *simplelru.LRU[string, *answer]
	bytes   int64
	most    int64
}

// newMemory returns a memory of most bytes; it keeps nothing if that is negative.
func newMemory(most int64) *memory {
	m := &memory{most: most}
	// The only error of NewLRU is a size below 1.
	m.entries, _ = simplelru.NewLRU(maxRemembered, func(_ string, a *answer) { m.bytes -= cost(a) })
	return m
}

func cost(a *answer) int64 {
	return rememberedCost + int64(len(a.body)) + int64(len(a.header.Get("ETag")))
}

// recall makes r conditional, if its answer is remembered.
func (c *Client) recall(ctx context.Context, h *host, r request) request {
	who, err := h.auth.Identity(ctx, r.repository)
	if err != nil {
		return r // and the request will say why
	}
	r.memory = strings.Join([]string{h.name, r.repository, r.path, r.query, who}, "\x00")
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	if known, ok := c.memory.entries.Get(r.memory); ok && c.o.Now().Sub(known.at) < rememberedFor {
		r.known = known
	}
	return r
}

// remember keeps the answer to r, which has been found to be in order.
func (c *Client) remember(r request, a answer) {
	if r.memory == "" || !usableETag(a.header.Get("ETag")) {
		return
	}
	kept := &answer{header: http.Header{}, length: a.length, body: a.body, url: a.url, at: a.at}
	if kept.at.IsZero() {
		kept.at = c.o.Now()
	}
	for _, name := range []string{"ETag", "Content-Type", "Link", digestHeader} {
		if values := a.header.Values(name); len(values) > 0 {
			kept.header[http.CanonicalHeaderKey(name)] = values
		}
	}
	c.memory.keep(r.memory, kept)
}

func (m *memory) keep(key string, a *answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if cost(a) > m.most/4 {
		return // one list must not displace all others
	}
	m.entries.Remove(key)
	m.entries.Add(key, a)
	for m.bytes += cost(a); m.bytes > m.most; {
		m.entries.RemoveOldest()
	}
}

// usableETag reports whether etag is one, strong or weak.
func usableETag(etag string) bool {
	quoted, _ := strings.CutPrefix(etag, "W/")
	return len(etag) <= maxETag && len(quoted) >= 2 && quoted[0] == '"' && strings.IndexByte(quoted[1:], '"') == len(quoted)-2
}
