// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/gomodule/redigo/redis"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

// errDial is wrapped by the error of a connection that did not come about.
var errDial = errors.New("no connection")

// maxSecretBytes bounds a file that holds a secret.
const maxSecretBytes = 64 << 10

// dial opens a connection and logs in.
func (s *server) dial(ctx context.Context) (redis.Conn, error) {
	raw, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDial, err)
	}
	c := redis.NewConn(&guard{Conn: raw, maxValue: s.options.MaxValueBytes + 1}, s.options.Timeout, s.options.Timeout)
	if err := s.login(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errDial, err), c.Close())
	}
	return c, nil
}

func (s *server) connect(ctx context.Context) (net.Conn, error) {
	raw, err := s.options.Dial(ctx, "tcp", s.options.Address)
	if err != nil || s.options.TLS == nil {
		return raw, err
	}
	secured := tls.Client(raw, s.options.TLS)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return secured, nil
}

// login reads the password again for every connection: one that was changed is
// used as soon as the server wants it.
func (s *server) login(ctx context.Context, c redis.Conn) error {
	if s.options.PasswordFile != "" {
		password, err := readSecret(s.options.PasswordFile)
		if err != nil {
			return fmt.Errorf("password_file %q: %w", s.options.PasswordFile, err)
		}
		args := []any{password}
		if s.options.Username != "" {
			args = []any{s.options.Username, password}
		}
		if _, err := within(ctx, c, "AUTH", args...); err != nil {
			return fmt.Errorf("log in: %w; correct username or the content of password_file", err)
		}
	}
	if s.options.Database == 0 {
		return nil
	}
	_, err := within(ctx, c, "SELECT", s.options.Database)
	return err
}

// readSecret reads a file of one secret, without the space around it. The error
// never holds it.
func readSecret(path string) ([]byte, error) {
	raw, err := files.Read(path, maxSecretBytes)
	if raw = bytes.TrimSpace(raw); err == nil && len(raw) == 0 {
		err = errors.New("it is empty")
	}
	return raw, err
}
