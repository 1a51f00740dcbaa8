// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import "github.com/open-policy-agent/opa/v1/ast"

// documents is what the evaluations of one worker have read of data by now, all in
// the transaction of one request: a [topdown.BaseCache] that takes three slices where
// OPA's takes a map for every part of a reference. It is not shared.
type documents struct {
	known []document
	terms []*ast.Term    // of the references of known
	index map[uint64]int // of known by hash; nil while there are few
}

type document struct {
	hash       uint64
	begin, end int // of the reference, in terms
	value      ast.Value
}

// fewDocuments is how many are looked through one by one.
const fewDocuments = 16

// begin forgets everything.
func (d *documents) begin() {
	if cap(d.known) > keptResults || cap(d.terms) > keptTerms { // one evaluation read more than usual
		*d = documents{}
		return
	}
	clear(d.known)
	clear(d.terms)
	d.known, d.terms, d.index = d.known[:0], d.terms[:0], nil
}

// Get returns the value of ref, also as part of a larger document; nil if it is
// not known.
func (d *documents) Get(ref ast.Ref) ast.Value {
	if len(d.known) == 0 {
		return nil
	}
	h := hashSeed
	for i, t := range ref {
		h = hashNext(h, t)
		if at := d.find(h, ref[:i+1]); at >= 0 {
			value, err := d.known[at].value.Find(ref[i+1:])
			if err != nil {
				return nil
			}
			return value
		}
	}
	return nil
}

// Put makes value known as that of ref.
func (d *documents) Put(ref ast.Ref, value ast.Value) {
	h := hashSeed
	for _, t := range ref {
		h = hashNext(h, t)
	}
	begin := len(d.terms)
	d.terms = append(d.terms, ref...)
	d.known = append(d.known, document{h, begin, len(d.terms), value})
	if d.index == nil && len(d.known) > fewDocuments {
		d.index = make(map[uint64]int, 4*fewDocuments)
		for i, k := range d.known {
			d.index[k.hash] = i
		}
	} else if d.index != nil {
		d.index[h] = len(d.known) - 1
	}
}

func (d *documents) find(h uint64, ref ast.Ref) int {
	if d.index != nil {
		if i, ok := d.index[h]; ok && d.is(i, ref) {
			return i
		}
		return -1
	}
	for i := range d.known {
		if d.known[i].hash == h && d.is(i, ref) {
			return i
		}
	}
	return -1
}

func (d *documents) is(i int, ref ast.Ref) bool {
	return same(d.terms[d.known[i].begin:d.known[i].end], ref)
}
