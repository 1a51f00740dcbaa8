// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"sync"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// scratch is what one decision after the other uses: memory that is not
// allocated again each time. It is not shared.
type scratch struct {
	encoder   *encoder
	results   results
	documents documents
	cancel    topdown.Cancel // of the evaluation under way
}

// scratches keeps scratch between requests.
type scratches struct{ pool sync.Pool }

func (s *scratches) get() *scratch {
	if kept, ok := s.pool.Get().(*scratch); ok {
		return kept
	}
	return &scratch{encoder: newEncoder()}
}

// put takes back what nobody uses any more. It forgets what it knew: policies
// and reports must not be kept alive by it.
func (s *scratches) put(used *scratch) {
	used.results.begin(nil)
	used.documents.begin()
	used.cancel = nil
	s.pool.Put(used)
}
