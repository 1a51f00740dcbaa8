// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import "github.com/open-policy-agent/opa/v1/ast"

// results is what an evaluation knows of rules and functions by now: a
// [topdown.VirtualCache] that takes two slices where OPA's takes two maps for
// every part of a reference. A frame with many results gets an index. It is not
// shared.
type results struct {
	memo   *memo
	frames []frame
	known  []result    // of all frames, in their order
	terms  []*ast.Term // of the references of known
}

type frame struct {
	known, terms int            // where its part of each slice begins
	index        map[uint64]int // of the latest result by hash; nil for a small frame
}

type result struct {
	hash       uint64
	begin, end int       // of the reference, in terms
	value      *ast.Term // nil: undefined
	older      int       // in an indexed frame, the result before it of this hash; -1: none
}

// smallFrame is how many results are looked through one by one.
const smallFrame = 64

// The most that is kept for the next evaluation: what one needed beyond it is left
// to the garbage collector.
const (
	keptResults = 1 << 10
	keptTerms   = 8 * keptResults
)

// begin forgets everything and opens the outermost frame, which also knows what m
// keeps.
func (r *results) begin(m *memo) {
	if cap(r.known) > keptResults || cap(r.terms) > keptTerms {
		*r = results{}
	}
	clear(r.frames)
	clear(r.known)
	clear(r.terms)
	r.frames, r.known, r.terms, r.memo = r.frames[:0], r.known[:0], r.terms[:0], m
	r.Push()
}

// Push begins a frame, in which nothing is known.
func (r *results) Push() {
	r.frames = append(r.frames, frame{known: len(r.known), terms: len(r.terms)})
}

// Pop forgets the latest frame.
func (r *results) Pop() {
	f := r.frames[len(r.frames)-1]
	clear(r.known[f.known:])
	clear(r.terms[f.terms:])
	r.frames, r.known, r.terms = r.frames[:len(r.frames)-1], r.known[:f.known], r.terms[:f.terms]
}

// Get returns the value of ref; nil and true if it is known to be undefined.
func (r *results) Get(ref ast.Ref) (*ast.Term, bool) {
	h := hash(ref)
	if i := r.find(ref, h); i >= 0 {
		return r.known[i].value, r.known[i].value == nil
	}
	if r.outermost() {
		return r.memo.get(ref, h), false
	}
	return nil, false
}

// Put makes value known as that of ref; nil: it is undefined.
func (r *results) Put(ref ast.Ref, value *ast.Term) {
	h := hash(ref)
	if i := r.find(ref, h); i >= 0 {
		r.known[i].value = value
		return
	}
	begin := len(r.terms)
	r.terms = append(r.terms, ref...)
	r.known = append(r.known, result{hash: h, begin: begin, end: len(r.terms), value: value, older: -1})
	r.indexLatest()
	if value != nil && r.outermost() {
		r.memo.put(ref, h, value)
	}
}

// outermost tells that nothing is replaced by "with": what a function does can
// then be told by its name.
func (r *results) outermost() bool { return len(r.frames) == 1 }

// Keys returns the references with a value in the latest frame.
func (r *results) Keys() []ast.Ref {
	var keys []ast.Ref
	for _, k := range r.known[r.frames[len(r.frames)-1].known:] {
		if k.value != nil {
			keys = append(keys, append(ast.Ref(nil), r.terms[k.begin:k.end]...))
		}
	}
	return keys
}

func (r *results) find(ref ast.Ref, h uint64) int {
	f := &r.frames[len(r.frames)-1]
	if f.index != nil {
		i, ok := f.index[h]
		for ok && i >= 0 && !r.is(i, ref) {
			i = r.known[i].older
		}
		if !ok {
			return -1
		}
		return i
	}
	for i := len(r.known) - 1; i >= f.known; i-- {
		if r.known[i].hash == h && r.is(i, ref) {
			return i
		}
	}
	return -1
}

func (r *results) is(i int, ref ast.Ref) bool {
	k := &r.known[i]
	return same(r.terms[k.begin:k.end], ref)
}

func (r *results) indexLatest() {
	f := &r.frames[len(r.frames)-1]
	first := len(r.known) - 1
	if f.index == nil {
		if len(r.known)-f.known <= smallFrame {
			return
		}
		f.index, first = make(map[uint64]int, 4*smallFrame), f.known
	}
	for i := first; i < len(r.known); i++ {
		k := &r.known[i]
		if older, ok := f.index[k.hash]; ok {
			k.older = older
		}
		f.index[k.hash] = i
	}
}

// hash tells most references apart. The parts of a package's path are the same
// for all its rules and left out.
func hash(ref ast.Ref) uint64 {
	first := 0
	if _, function := ref[0].Value.(ast.Ref); !function {
		first = min(2, len(ref)-1)
	}
	h := hashSeed
	for _, t := range ref[first:] {
		h = hashNext(h, t)
	}
	return h
}

const hashSeed uint64 = 14695981039346656037 // of FNV-1a, 64 bit

func hashNext(h uint64, t *ast.Term) uint64 {
	const prime = 1099511628211
	return (h ^ uint64(t.Hash())) * prime //nolint:gosec // a hash, whatever its sign
}
