// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"sync"
	"time"
)

// meeting lets the first request to a host go ahead of the others until it is
// known what the host demands: of a burst at a new registry one request is
// answered 401, and not all of them. The zero value is a host nobody has met.
type meeting struct {
	mu    sync.Mutex
	met   bool
	under chan struct{} // closed when the first request knows; nil while nobody goes ahead
}

// maxMeeting bounds the wait for the first request, who may have asked for the
// one thing the registry does not answer.
const maxMeeting = 250 * time.Millisecond

// await returns when the host is known, or atMost has passed. The
// one who goes ahead gets what to call when it has seen an answer, or none, and
// calls it once; it is nil for the others.
func (m *meeting) await(ctx context.Context, atMost time.Duration) (seen func(answered bool)) {
	m.mu.Lock()
	if m.met {
		m.mu.Unlock()
		return nil
	}
	if under := m.under; under != nil {
		m.mu.Unlock()
		timer := time.NewTimer(atMost)
		defer timer.Stop()
		select {
		case <-under:
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil
	}
	m.under = make(chan struct{})
	m.mu.Unlock()
	return func(answered bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.met = answered
		close(m.under)
		m.under = nil
	}
}
