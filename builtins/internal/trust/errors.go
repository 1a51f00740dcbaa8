// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoTrust is returned by [FromNotation] when the operator put no trust policy
// into Notation's configuration directory.
var ErrNoTrust = errors.New("no trust policy")

// Error is one problem of a trust document.
type Error struct {
	Path    string // where, notation.trust_stores["ca:acme"][0]; "" is the document itself
	Problem string // what is there
	Remedy  string // what to write instead; may be ""
}

// Error returns path, problem and remedy on one line.
func (e *Error) Error() string {
	s := "trust document"
	if e.Path != "" {
		s = e.Path
	}
	s += ": " + e.Problem
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// problems collects what is wrong with one document.
type problems []error

func (p *problems) add(path, problem, remedy string) {
	*p = append(*p, &Error{Path: path, Problem: problem, Remedy: remedy})
}

func (p *problems) join() error { return errors.Join(*p...) }

// key writes one step of a path, quoted if it is not a plain name.
func key(parent, name string) string {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return fmt.Sprintf("%s[%q]", parent, name)
		}
	}
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func index(parent string, i int) string { return fmt.Sprintf("%s[%d]", parent, i) }

// didYouMean names the nearest of the known words, or all of them.
func didYouMean(got string, known []string) string {
	best, distance := "", len(got)/2+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(got), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known here: " + quoted(known)
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func quoted(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	q := make([]string, len(words))
	for i, w := range slices.Sorted(slices.Values(words)) {
		q[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(q, ", ")
}
