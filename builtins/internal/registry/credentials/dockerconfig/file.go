// SPDX-License-Identifier: Apache-2.0

package dockerconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

// maxFileBytes bounds the file: a Kubernetes secret has at most 1 MiB.
const maxFileBytes = 1 << 20

// stamp tells one content of a path from another. A Kubernetes volume swaps a
// symbolic link above the file, so where the path leads is part of it.
type stamp struct {
	exists  bool
	leads   string
	changed time.Time
	size    int64
}

// look returns the stamp of path; no file is no error.
func look(path string) (stamp, error) {
	if path == "" {
		return stamp{}, nil
	}
	leads, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}, nil
	}
	if err != nil {
		return stamp{}, fmt.Errorf("docker config %s: %w", path, files.Cause(err))
	}
	info, err := os.Stat(leads)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return stamp{}, nil
	case err != nil:
		return stamp{}, fmt.Errorf("docker config %s: %w", path, files.Cause(err))
	case !info.Mode().IsRegular():
		return stamp{}, fmt.Errorf("docker config %s: not a regular file", path)
	}
	return stamp{exists: true, leads: leads, changed: info.ModTime(), size: info.Size()}, nil
}

// read returns the content of path, which had the stamp s.
func read(path string, s stamp) (*file, error) {
	if !s.exists {
		return &file{}, nil
	}
	raw, err := files.Read(s.leads, maxFileBytes)
	if err != nil {
		return &file{}, fmt.Errorf("docker config %s: %w", path, err)
	}
	f, err := parse(raw)
	if err != nil {
		return &file{}, fmt.Errorf("docker config %s: %w", path, err)
	}
	return f, nil
}
