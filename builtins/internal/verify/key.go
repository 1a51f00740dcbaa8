// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"encoding/json"
	"strconv"
	"strings"
)

// keyOf makes one key of parts, so that different lists of parts never give one
// key: each is preceded by its length. Some parts are free text, and joined by a
// separator one could pass for another (a predicate type called "signature" made
// a statement a signature).
func keyOf(parts ...string) string {
	var b strings.Builder
	size := 0
	for _, p := range parts {
		size += len(p) + len("1234:")
	}
	b.Grow(size)
	for _, p := range parts {
		b.WriteString(strconv.Itoa(len(p)))
		b.WriteByte(':')
		b.WriteString(p)
	}
	return b.String()
}

// demands is what a request wants of a signature, as a key: by which trust
// document, which statements or none, which annotations.
func demands(req Request) string {
	annotations := ""
	if len(req.Annotations) > 0 {
		sorted, err := json.Marshal(req.Annotations) // by key
		if err != nil {
			panic(err) // a map of strings always marshals
		}
		annotations = string(sorted)
	}
	return keyOf(req.Trust.Hash(), req.PredicateType, annotations)
}

// reportKey is what a kept report depends on, as a key.
func reportKey(req Request) string {
	return keyOf(req.Image, req.Platform, req.MaxStale.String(), demands(req))
}
