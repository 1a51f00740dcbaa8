// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"encoding/base64"
	"time"
)

// Recall returns what a replica with the same key has shared under key, and
// when the registry was asked for it. Without a key it returns nothing.
func (c *Client) Recall(ctx context.Context, key string) (value []byte, asOf time.Time, ok bool) {
	if c.seal == nil {
		return nil, time.Time{}, false
	}
	name := c.seal.name(key)
	sealed, event := c.read(ctx, c.factName(name), 0)
	if event == Hit {
		if value, asOf, ok = c.seal.open(name, sealed); !ok {
			event = Corrupt
		}
	}
	c.options.Observe(Facts, event)
	return value, asOf, ok
}

// Share gives value to the replicas with the same key, for ttl, some time soon
// and if it can. It does not wait.
func (c *Client) Share(key string, value []byte, asOf time.Time, ttl time.Duration) {
	if c.seal == nil {
		return
	}
	name := c.seal.name(key)
	c.put(entry{Facts, c.factName(name), c.seal.close(name, value, asOf), ttl})
}

func (c *Client) factName(name []byte) string {
	return c.options.Prefix + "fact:" + base64.RawURLEncoding.EncodeToString(name)
}
