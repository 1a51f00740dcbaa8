// SPDX-License-Identifier: Apache-2.0

// Package file is the key provider of a file or a directory: keys are named by
// their files ("cosign.pub").
//
// The path is looked at before it is used, so that a key replaced there counts
// from the next decision on: also where Kubernetes swaps a mounted Secret or
// ConfigMap by a symbolic link, which tells no watcher of the file. A file that
// was removed is a key that was withdrawn; a file that cannot be read keeps the
// key that was there before.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// The bounds of what is read.
const (
	maxFileBytes = 1 << 20 // a Kubernetes Secret has no more
	maxFiles     = 1000
)

// Source is a [keys.Watched] source. It may be shared between goroutines.
type Source struct {
	path string

	mu    sync.Mutex
	state map[string]stamp // of the last fetch, by path
}

// New returns a source of the file or directory at path.
func New(path string) *Source { return &Source{path: path} }

// stamp tells one content of a path from another.
type stamp struct {
	leads   string // where symbolic links lead
	size    int64
	changed time.Time
	mode    fs.FileMode
}

// Fetch reads every file. Hidden files (".", "..data" of a Kubernetes volume) and
// what is not a regular file are left out.
func (s *Source) Fetch(context.Context) (keys.Snapshot, error) {
	state := s.look()
	s.mu.Lock()
	s.state = state
	s.mu.Unlock()

	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		gone := &keys.Error{Step: "read " + s.path, Message: "no such file or directory; correct the path or mount the file", Err: err}
		return keys.Snapshot{Keys: []keys.Key{{Name: filepath.Base(s.path), Err: gone}}}, gone
	case err != nil:
		return keys.Snapshot{}, problem(s.path, err)
	case !info.IsDir():
		return one(s.path)
	}
	return all(s.path)
}

// one is the snapshot of a single file.
func one(path string) (keys.Snapshot, error) {
	raw, err := read(path)
	if err != nil {
		return keys.Snapshot{}, err
	}
	return keys.Snapshot{Keys: []keys.Key{{Name: filepath.Base(path), PEM: raw, Latest: true}}}, nil
}

func all(dir string) (keys.Snapshot, error) {
	files, err := list(dir)
	if err != nil {
		return keys.Snapshot{}, problem(dir, err)
	}
	var snapshot keys.Snapshot
	for _, name := range files {
		k := keys.Key{Name: name, Latest: true}
		k.PEM, k.Err = read(filepath.Join(dir, name))
		snapshot.Keys = append(snapshot.Keys, k)
	}
	return snapshot, nil
}

// list names the files of a directory that are keys.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		info, err := os.Stat(filepath.Join(dir, entry.Name()))
		if strings.HasPrefix(entry.Name(), ".") || err == nil && !info.Mode().IsRegular() {
			continue
		}
		files = append(files, entry.Name())
	}
	if len(files) > maxFiles {
		return nil, fmt.Errorf("it has %d files, at most %d are read", len(files), maxFiles)
	}
	return files, nil
}

func read(path string) ([]byte, error) {
	raw, err := files.Read(path, maxFileBytes)
	if err != nil {
		return nil, problem(path, err)
	}
	return raw, nil
}

// problem says what kept a file from being read. The key that was there before
// stays in force.
func problem(path string, err error) error {
	err = files.Cause(err)
	return &keys.Error{Step: "read " + path, Message: err.Error(), Retryable: true, Err: err}
}

// Changed reports whether the path looks different from the last fetch.
func (s *Source) Changed() bool {
	now := s.look()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(now) != len(s.state) {
		return true
	}
	for path, stamp := range now {
		if was, ok := s.state[path]; !ok || was != stamp {
			return true
		}
	}
	return false
}

// look returns how the path and, of a directory, its files look.
func (s *Source) look() map[string]stamp {
	state := map[string]stamp{s.path: lookAt(s.path)}
	if state[s.path].mode.IsDir() {
		files, _ := list(s.path) // Fetch says why it cannot be listed
		for _, name := range files {
			path := filepath.Join(s.path, name)
			state[path] = lookAt(path)
		}
	}
	return state
}

func lookAt(path string) stamp {
	leads, err := filepath.EvalSymlinks(path)
	if err != nil {
		return stamp{}
	}
	info, err := os.Stat(leads)
	if err != nil {
		return stamp{}
	}
	return stamp{leads: leads, size: info.Size(), changed: info.ModTime(), mode: info.Mode()}
}
