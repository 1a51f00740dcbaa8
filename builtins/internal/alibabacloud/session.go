// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// Session is an access key, as long as it is valid. Whatever formats it prints
// that it is one, and nothing of it.
type Session struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string    // "" for an access key of a user
	Expires         time.Time // zero: never
}

// Format implements [fmt.Formatter].
func (Session) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "alibabacloud.Session(redacted)")
}

// MarshalJSON implements [encoding/json.Marshaler].
func (Session) MarshalJSON() ([]byte, error) { return []byte(`"redacted"`), nil }

// Sessions gives the session of one identity. It may be shared between
// goroutines: a session is asked for once and used until it is due for renewal.
type Sessions struct {
	leases *lease.Leases[struct{}, Session]
	name   string
}

// Session returns a session that is valid now. The error wraps an [*Error], or is
// ctx's.
func (s *Sessions) Session(ctx context.Context) (Session, error) {
	return s.leases.Take(ctx, struct{}{})
}

// Name is the kind of identity, "rrsa".
func (s *Sessions) Name() string { return s.name }

// sessions wraps what asks for a session.
func (c *Client) sessions(name string, ask func(context.Context) (Session, error)) *Sessions {
	return &Sessions{name: name, leases: lease.New(lease.Options[struct{}, Session]{
		Now: c.o.Now, Timeout: c.o.Timeout,
		Ask: func(ctx context.Context, _ struct{}) (Session, time.Time, error) {
			s, err := ask(ctx)
			return s, s.Expires, err
		},
	})}
}

// current refuses what the service calls a session and is none.
func (c *Client) current(step string, s Session, err error) (Session, error) {
	switch {
	case err != nil:
		return Session{}, err
	case s.AccessKeyID == "" || s.AccessKeySecret == "" || s.SecurityToken == "":
		return Session{}, &Error{Step: step, Message: "the answer holds no session", Retryable: true}
	case !s.Expires.After(c.o.Now()):
		return Session{}, &Error{Step: step, Message: "the session has expired already, at " + s.Expires.UTC().Format(time.RFC3339) + "; check this machine's clock", Retryable: true}
	}
	return s, nil
}

// expiry reads the services' time of expiry; the zero time if it is none.
func expiry(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
