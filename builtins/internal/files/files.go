// SPDX-License-Identifier: Apache-2.0

// Package files reads files that somebody else writes: secrets, tokens, certificates,
// configuration.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Errors of [Read] besides those of the file system.
var (
	// ErrNotRegular: a folder; a device or a pipe, which would block or never end.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge: there are more bytes than the caller allows.
	ErrTooLarge = errors.New("too large")
)

// Read returns the content of a regular file of at most limit bytes, whatever its size
// claims to be. Links are followed: Kubernetes swaps them. The error does not name the
// file, for the caller's message does; it is [ErrNotRegular], [ErrTooLarge] or the file
// system's, [fs.ErrNotExist] among them.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, Cause(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, Cause(err)
	case int64(len(raw)) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return raw, nil
}

// Cause drops "open /path:" from an error whose message names the path anyway.
func Cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
