// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/cluster"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// sink takes down what the API server says.
type sink struct{ *Follower }

// Put implements [cluster.Sink].
func (s sink) Put(o cluster.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(o)
}

func (f *Follower) put(o cluster.Object) {
	before, known := f.seen[o.Key]
	f.seen[o.Key] = seen{o.UID, o.Status}
	if f.state.Put(o.Key, o.Raw) || !known || before.uid != o.UID {
		kick(f.changed)
	}
}

// Delete implements [cluster.Sink].
func (s sink) Delete(k standing.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(k)
}

func (f *Follower) remove(k standing.Key) {
	delete(f.seen, k)
	if f.state.Delete(k) {
		kick(f.changed)
	}
}

// Replace implements [cluster.Sink].
func (s sink) Replace(source cluster.Source, all []cluster.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[standing.Key]bool{}
	for _, o := range all {
		there[o.Key] = true
	}
	for _, k := range s.state.Keys() {
		if source.Has(k) && !there[k] {
			s.remove(k)
		}
	}
	for _, o := range all {
		s.put(o)
	}
	if s.missing[source] {
		delete(s.missing, source)
		kick(s.changed)
	}
}

// Reached implements [cluster.Sink].
func (s sink) Reached(source cluster.Source, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.trouble[source]
	s.trouble[source] = err
	if (before == nil) != (err == nil) || err != nil && before.Error() != err.Error() {
		kick(s.changed)
	}
}
