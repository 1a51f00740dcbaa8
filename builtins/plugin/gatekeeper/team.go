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
	questions []question
	decide    func(question, *scratch)
	next      atomic.Int64
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
	var workers sync.WaitGroup
	for range few - 1 {
		workers.Go(func() { t.worker(kept) })
	}
	if most == few {
		t.worker(kept)
		workers.Wait()
		return
	}
	workers.Go(func() { t.worker(kept) })
	impatient := time.NewTimer(patience)
	defer impatient.Stop()
	select {
	case <-t.taken:
	case <-impatient.C:
		for range most - few {
			workers.Go(func() { t.worker(kept) })
		}
	}
	workers.Wait()
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
		t.decide(t.questions[i-1], s)
	}
}
