// SPDX-License-Identifier: Apache-2.0

package fair

// queue returns the queue of key, new if it has none.
func (g *Gate) queue(key string) *queue {
	q := g.queues[key]
	if q != nil {
		return q
	}
	if q, g.spare = g.spare, nil; q == nil {
		q = &queue{}
	}
	q.key = key
	g.queues[key] = q
	return q
}

// forget drops q if nobody holds a place or waits with its key.
func (g *Gate) forget(q *queue) {
	if q.held == 0 && q.first == nil {
		delete(g.queues, q.key)
		*q = queue{}
		g.spare = q
	}
}

// join puts q at the end of the ring.
func (g *Gate) join(q *queue) {
	if g.waiting == nil {
		q.next, q.prev = q, q
		g.waiting = q
		return
	}
	q.next, q.prev = g.waiting, g.waiting.prev
	q.prev.next, q.next.prev = q, q
}

// part takes q out of the ring.
func (g *Gate) part(q *queue) {
	switch {
	case q.next == q:
		g.waiting = nil
	case g.waiting == q:
		g.waiting = q.next
	}
	q.prev.next, q.next.prev = q.next, q.prev
	q.next, q.prev = nil, nil
}

func (q *queue) append(w *waiter) {
	if q.first == nil {
		q.first, q.last = w, w
		return
	}
	w.prev, q.last.next = q.last, w
	q.last = w
}

// remove takes w out and marks it as nobody's.
func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queue, w.next, w.prev = nil, nil, nil
}
