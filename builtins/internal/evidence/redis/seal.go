// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// The two uses of the key are kept apart by what stands first.
const (
	nameLabel = "opa-ratify fact name 1\x00"
	factLabel = "opa-ratify fact 1\x00"
)

// seal authenticates facts. It may be shared between goroutines.
type seal struct{ key []byte }

func (s *seal) mac(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// name is what a fact is called: only who has the key can say of what it is.
func (s *seal) name(key string) []byte { return s.mac([]byte(nameLabel), []byte(key)) }

// close returns MAC, time and value. The MAC covers the name, whose length is
// fixed, so that no fact passes for another.
func (s *seal) close(name, value []byte, asOf time.Time) []byte {
	body := append(binary.BigEndian.AppendUint64(nil, uint64(asOf.UnixNano())), value...)
	return append(s.mac([]byte(factLabel), name, body), body...)
}

// open returns what close was given. False: it was not, or not under this name.
func (s *seal) open(name, sealed []byte) (value []byte, asOf time.Time, ok bool) {
	const timeBytes = 8
	if len(sealed) < sha256.Size+timeBytes {
		return nil, time.Time{}, false
	}
	mac, body := sealed[:sha256.Size], sealed[sha256.Size:]
	if !hmac.Equal(mac, s.mac([]byte(factLabel), name, body)) {
		return nil, time.Time{}, false
	}
	return body[timeBytes:], time.Unix(0, int64(binary.BigEndian.Uint64(body))), true //nolint:gosec // written so
}
