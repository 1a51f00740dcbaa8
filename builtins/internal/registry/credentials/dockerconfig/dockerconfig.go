// SPDX-License-Identifier: Apache-2.0

// Package dockerconfig gives the credentials of a Docker configuration file, as
// docker login and Kubernetes' kubernetes.io/dockerconfigjson secrets write it.
//
// The file is read again when it changes, so a rotated secret needs no restart. A
// file that is not there holds no credentials; a file that cannot be read is an
// error, never "anonymous".
//
// Credential helpers are programs that a file names. They run only if the
// operator says so ([Options.Helpers]); without that, a registry whose credential
// is with a helper is an error that names the helper.
package dockerconfig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// Options configures a [Store]. The zero value reads the user's own file.
type Options struct {
	// Path of the file. Empty: config.json in $DOCKER_CONFIG, else in ~/.docker.
	Path string
	// Helpers allows running docker-credential-* programs the file names. False:
	// needing one is an error.
	Helpers bool
	// Now is the clock by which a change of the file is looked for, at most once a
	// second. Nil: [time.Now].
	Now func() time.Time
}

// checkEvery is how often the file is looked at: a busy server asks for each
// request.
const checkEvery = time.Second

// Store gives credentials. It may be shared between goroutines.
type Store struct {
	o Options

	helpers *helpers

	mu      sync.Mutex
	checked time.Time
	stamp   stamp
	file    *file
	err     error
}

// New returns a store; the file is read when it is first needed.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{o: o, helpers: newHelpers(o.Now)}
}

// Owns reports whether the file has something to say about a canonical registry
// host: a credential, or the helper that has it. A file that cannot be read owns
// every host, so that nothing falls back to anonymous.
func (s *Store) Owns(host string) bool {
	f, err := s.load(s.path())
	if err != nil {
		return true
	}
	_, found := f.entries[host]
	helper, _ := f.helper(host)
	return found || helper != ""
}

// Credential returns the credential for a canonical registry host, "docker.io" or
// "registry.example:5000"; the empty credential if the file has none. The error
// names the file and never holds a credential.
func (s *Store) Credential(ctx context.Context, host string) (auth.Credential, error) {
	path := s.path()
	f, err := s.load(path) //nolint:contextcheck // reading a small local file is not worth interrupting
	if err != nil {
		return auth.EmptyCredential, err
	}
	credential, err := s.find(ctx, f, host)
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("docker config %s: %w", path, err)
	}
	return credential, nil
}

// find looks in the file itself, then asks the helper it names.
func (s *Store) find(ctx context.Context, f *file, host string) (auth.Credential, error) {
	found := f.entries[host]
	if found.err != nil || found.credential != auth.EmptyCredential {
		return found.credential, found.err
	}
	helper, setting := f.helper(host)
	switch {
	case helper == "":
		return auth.EmptyCredential, nil
	case !s.o.Helpers:
		return auth.EmptyCredential, fmt.Errorf("%s names the helper docker-credential-%s for %s, and helpers are not enabled; set docker_config.helpers, or put the credential into the file",
			setting, problem.Sanitise(helper), host)
	}
	return s.helpers.ask(ctx, helper, host)
}

// path returns the file to read; "" without a home directory, which holds no
// credentials.
func (s *Store) path() string {
	if s.o.Path != "" {
		return s.o.Path
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker", "config.json")
}

// load returns the file as it is now, read again if it changed.
func (s *Store) load(path string) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	if elapsed := now.Sub(s.checked); s.file != nil && elapsed >= 0 && elapsed < checkEvery {
		return s.file, s.err
	}
	s.checked = now
	current, err := look(path)
	if err == nil && s.file != nil && s.err == nil && current == s.stamp {
		return s.file, nil
	}
	s.file, s.err = &file{}, err
	if err == nil {
		s.file, s.err = read(path, current)
	}
	s.stamp = current
	return s.file, s.err
}
