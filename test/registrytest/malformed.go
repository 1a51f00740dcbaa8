// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"sync"

	"github.com/opencontainers/go-digest"
)

// malformed remembers the media types of manifests that the store refused to take for
// what they claim to be.
type malformed struct {
	mu         sync.Mutex
	mediaTypes map[digest.Digest]string
}

func (m *malformed) add(d digest.Digest, mediaType string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mediaTypes == nil {
		m.mediaTypes = make(map[digest.Digest]string)
	}
	m.mediaTypes[d] = mediaType
}

// mediaType is what the manifest claims, or "" for manifests that are well-formed.
func (m *malformed) mediaType(d digest.Digest) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mediaTypes[d]
}
