// SPDX-License-Identifier: Apache-2.0

package telemetry

import "sync"

// other stands for every value beyond a label's cap.
const other = "other"

// bounded lets a label take only so many values. It may be shared.
type bounded struct {
	mu    sync.RWMutex
	known map[string]bool
	room  int
}

// newBounded allows room values, first come, beside "" and those of always.
func newBounded(room int) *bounded {
	return &bounded{known: map[string]bool{"": true}, room: room}
}

// always allows values that take no room.
func (b *bounded) always(values []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, v := range values {
		b.known[v] = true
	}
}

// value returns v, or "other" once the cap is reached.
func (b *bounded) value(v string) string {
	b.mu.RLock()
	known, full := b.known[v], b.room == 0
	b.mu.RUnlock()
	switch {
	case known:
		return v
	case full:
		return other
	default:
		return b.admit(v)
	}
}

func (b *bounded) admit(v string) string {
	const maxLength = 256 // longer than any host or namespace
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[v] {
		return v
	}
	if b.room == 0 || len(v) > maxLength {
		return other
	}
	b.known[v] = true
	b.room--
	return v
}
