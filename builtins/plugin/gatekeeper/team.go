// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// team decides about the questions of one request.
type team struct {
	crew      *crew
	questions []question
	decide    func(i int, s *scratch) // the question's place
	next      atomic.Int64
	workers   sync.WaitGroup
	taken     chan struct{} // closed when every question has somebody who decides it
}

// patience is how long questions may wait for those before them. What is known
// is decided in microseconds: one worker per processor is then fastest.
const patience = time.Millisecond

// work returns when all is decided. So many workers begin as there are
// processors; as soon as they are found to wait, for registries usually, so many
// as are allowed.
func (t *team) work(kept *scratches, allowed int) {
	most := min(allowed, len(t.questions))
	few := min(most, runtime.GOMAXPROCS(0))
	t.start(few-1, kept)
	if most == few {
		t.worker(kept)
		t.workers.Wait()
		return
	}
	t.start(1, kept)
	impatient := time.NewTimer(patience)
	defer impatient.Stop()
	select {
	case <-t.taken:
	case <-impatient.C:
		t.start(most-few, kept)
	}
	t.workers.Wait()
}

func (t *team) start(n int, kept *scratches) {
	for range n {
		t.workers.Add(1)
		t.crew.do(func() {
			defer t.workers.Done()
			t.worker(kept)
		})
	}
}

func (t *team) worker(kept *scratches) {
	s := kept.get()
	defer kept.put(s)
	for {
		i := int(t.next.Add(1))
		if i == len(t.questions) {
			close(t.taken)
		}
		if i > len(t.questions) {
			return
		}
		t.decide(i-1, s)
	}
}
