// SPDX-License-Identifier: Apache-2.0

// Package revocation answers whether certificates are revoked, by OCSP and CRL,
// and remembers the answers.
//
// The protocol is notation-core-go's. This package adds what a server needs:
// answers are kept until the responder's next update (and no longer than a cap),
// concurrent questions are asked once, bodies and memory are bounded, and nobody
// waits longer than a timeout. It is apart from the verifiers because it is the
// one part of verification that uses a network.
//
// Spec: RFC 6960 (OCSP), RFC 5280 (CRL); Notary Project, trust policy v1.1,
// "Certificate revocation evaluation".
package revocation

import (
	"net/http"
	"time"

	"github.com/notaryproject/notation-core-go/revocation/purpose"
)

// Client is the HTTP client that asks OCSP responders and CRL distribution
// points. The addresses come out of certificates that strangers wrote: it must
// refuse internal addresses (threat: server-side request forgery).
type Client = http.Client

// Options is how answers are fetched and kept.
type Options struct {
	// Client asks. Nil: nobody is asked, and what names a responder is unknown.
	Client *Client
	// Timeout bounds one answer about one chain. Zero: 5 s.
	Timeout time.Duration
	// MaxAge bounds how long an answer is reused, whatever it says of itself.
	// Zero: 1 h.
	MaxAge time.Duration
	// MaxCRLBytes bounds one CRL. Zero: 8 MiB.
	MaxCRLBytes int64
	// CacheBytes bounds the memory of kept CRLs. Zero: 64 MiB.
	CacheBytes int64
	// MaxAnswers bounds the kept answers about chains. Zero: 4096.
	MaxAnswers int
	// Book has answers from another time. Nil: none.
	Book Book
	// Now is the clock of the caches; the library always uses the machine's.
	// Nil: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	o.Timeout = or(o.Timeout, 5*time.Second)
	o.MaxAge = or(o.MaxAge, time.Hour)
	o.MaxCRLBytes = or(o.MaxCRLBytes, 8<<20)
	o.CacheBytes = or(o.CacheBytes, 64<<20)
	o.MaxAnswers = or(o.MaxAnswers, 4096)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// UnknownMaxAge is how long "nobody answered" is kept: long enough that a burst
// of images does not wait for a dead responder one after the other, short enough
// that nobody notices when it is back.
const UnknownMaxAge = 3 * time.Second

// Validators are the validators for the two purposes of a certificate chain.
// They share the kept CRLs.
type Validators struct {
	CodeSigning, Timestamping *Validator
}

// New returns validators with empty caches.
func New(o Options) Validators {
	o = o.withDefaults()
	client := boundedClient(o, true)
	fetcher := newFetcher(o, boundedClient(o, false))
	return Validators{
		CodeSigning:  newValidator(o, purpose.CodeSigning, client, fetcher),
		Timestamping: newValidator(o, purpose.Timestamping, client, fetcher),
	}
}
