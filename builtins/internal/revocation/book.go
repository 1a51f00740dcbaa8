// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/ocsp"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"
)

// Book has answers from another time. With one, a validator asks nobody that the
// book knows about, and notes in it what it was told otherwise.
type Book interface {
	Find(key string) (Record, bool)
	Note(r Record)
}

// Record is an [Answer] in words.
type Record struct {
	Key     string       `json:"key"` // purpose, signing time and chain
	Results []CertResult `json:"results,omitempty"`
	Error   string       `json:"error,omitempty"`
	Until   time.Time    `json:"until,omitzero"`
}

// CertResult is what is known about one certificate of the chain.
type CertResult struct {
	Result  result.Result           `json:"result"`
	Method  result.RevocationMethod `json:"method"`
	Servers []ServerResult          `json:"servers,omitempty"`
}

// ServerResult is what one responder said.
type ServerResult struct {
	Result result.Result           `json:"result"`
	Server string                  `json:"server,omitempty"`
	Method result.RevocationMethod `json:"method"`
	Error  string                  `json:"error,omitempty"`
	Kind   string                  `json:"kind,omitempty"` // of the error: "unknown_status", "too_large" or ""
}

// The kinds of errors that mean something of their own.
const (
	kindUnknownStatus = "unknown_status"
	kindTooLarge      = "too_large"
)

func recordKey(p purpose.Purpose, o revocation.ValidateContextOptions) string {
	name := "code signing "
	if p == purpose.Timestamping {
		name = "timestamping "
	}
	return name + hex.EncodeToString([]byte(keyOf(o)))
}

func record(key string, a *Answer) Record {
	r := Record{Key: key, Until: a.Until}
	if a.Err != nil {
		r.Error = a.Err.Error()
		return r
	}
	for _, one := range a.Results {
		c := CertResult{Result: one.Result, Method: one.RevocationMethod}
		for _, s := range one.ServerResults {
			c.Servers = append(c.Servers, serverRecord(s))
		}
		r.Results = append(r.Results, c)
	}
	return r
}

func serverRecord(s *result.ServerResult) ServerResult {
	r := ServerResult{Result: s.Result, Server: s.Server, Method: s.RevocationMethod}
	if s.Error == nil {
		return r
	}
	r.Error = s.Error.Error()
	switch {
	case errors.As(s.Error, &ocsp.UnknownStatusError{}):
		r.Kind = kindUnknownStatus
	case errors.Is(s.Error, ErrTooLarge):
		r.Kind = kindTooLarge
	}
	return r
}

// answer is the record as an answer about a chain. A record that does not fit
// the chain is none.
func (r Record) answer(chain []*x509.Certificate) *Answer {
	a := &Answer{Chain: chain, Until: r.Until}
	if r.Error != "" || len(r.Results) != len(chain) {
		a.Err = errors.New(or(r.Error, "the recorded answer is about another chain"))
		return a
	}
	for _, c := range r.Results {
		one := &result.CertRevocationResult{Result: c.Result, RevocationMethod: c.Method}
		for _, s := range c.Servers {
			one.ServerResults = append(one.ServerResults, &result.ServerResult{
				Result: s.Result, Server: s.Server, RevocationMethod: s.Method, Error: s.err(),
			})
		}
		a.Results = append(a.Results, one)
	}
	return a
}

func (s ServerResult) err() error {
	switch {
	case s.Error == "":
		return nil
	case s.Kind == kindUnknownStatus:
		return &recalled{s.Error, ocsp.UnknownStatusError{}}
	case s.Kind == kindTooLarge:
		return &recalled{s.Error, ErrTooLarge}
	default:
		return errors.New(s.Error)
	}
}

// recalled is an error of another time, of a kind.
type recalled struct {
	text string
	kind error
}

func (e *recalled) Error() string { return e.text }

func (e *recalled) Unwrap() error { return e.kind }
