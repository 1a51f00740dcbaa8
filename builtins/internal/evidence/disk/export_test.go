// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"io"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/behind"
)

// What tests outside of the package need to know.
const (
	DrainTimeout     = behind.DrainTimeout
	RestAfterFailure = restAfterFailure
	StaleAfter       = staleAfter
	TouchAfter       = touchAfter
	QueueLength      = behind.Length
	BlockBytes       = blockBytes
)

// OpenWith is Open with another way to make files.
func OpenWith(o Options, create func(path string) (io.WriteCloser, error)) (*Directory, error) {
	d, err := open(o)
	if err != nil {
		return nil, err
	}
	d.create = create
	go d.work()
	return d, nil
}

// Path is where a directory keeps a content.
func Path(dir, key string, d digest.Digest) string { return filepath.Join(dir, nameOf(key, d).path()) }
