// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// RevocationMode is how a revocation server behaves.
type RevocationMode int

// The modes of a revocation server.
const (
	// RevocationHonest answers what is true: good, or revoked after [Revocation.Revoke].
	RevocationHonest RevocationMode = iota
	// RevocationUnknown knows no certificate. A CRL cannot say so: 404.
	RevocationUnknown
	// RevocationDown answers 503.
	RevocationDown
	// RevocationSlow answers nothing until the client gives up.
	RevocationSlow
	// RevocationOversized answers [OversizedBytes] of nothing meaningful.
	RevocationOversized
	// RevocationStale answers what was true but should have been renewed an hour ago.
	RevocationStale
	// RevocationForged answers good, signed by a stranger.
	RevocationForged
)

// OversizedBytes is twice what notation-core-go accepts of a CRL.
const OversizedBytes = 64 << 20

// Revocation tells whether certificates of a CA are revoked, by OCSP and by CRL, on
// loopback HTTP. Certificates name it if the CA was told to issue them so:
//
//	rev := signtest.StartRevocation(t, ca)
//	ca.OCSP, ca.CRL = rev.OCSP, rev.CRL
//
// It answers for the issuer of leaves. It may be used concurrently.
//
// Spec: RFC 6960, RFC 5280.
type Revocation struct {
	// OCSP and CRL are the URLs for certificates.
	OCSP, CRL string

	ca       *CA
	stranger *CA // signs forged answers
	server   *server

	mu      sync.Mutex
	mode    RevocationMode
	revoked map[string]x509.RevocationListEntry // by serial number, decimal
	ocsp    int                                 // requests
	crl     int
}

// NewRevocation starts a revocation server for ca. The caller closes it.
func NewRevocation(ca *CA) (*Revocation, error) {
	stranger, err := NewCA(CAOptions{CommonName: ca.chain[0].Subject.CommonName})
	if err != nil {
		return nil, err
	}
	r := &Revocation{ca: ca, stranger: stranger, revoked: make(map[string]x509.RevocationListEntry)}
	if r.server, err = startServer(r); err != nil {
		return nil, err
	}
	r.OCSP, r.CRL = r.server.url+ocspPath, r.server.url+crlPath
	return r, nil
}

// StartRevocation is [NewRevocation] for tests: it fails tb on error and closes the
// server when tb ends.
func StartRevocation(tb testing.TB, ca *CA) *Revocation {
	tb.Helper()
	r, err := NewRevocation(ca)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// Close ends the server.
func (r *Revocation) Close() { r.server.close() }

// Revoke declares a certificate revoked at a time.
func (r *Revocation) Revoke(serial *big.Int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked[serial.String()] = x509.RevocationListEntry{
		SerialNumber:   serial,
		RevocationTime: at,
		ReasonCode:     ocsp.KeyCompromise,
	}
}

// SetMode changes the behaviour for the requests that follow.
func (r *Revocation) SetMode(mode RevocationMode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = mode
}

// Requests is how many OCSP and CRL requests arrived.
func (r *Revocation) Requests() (ocsp, crl int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ocsp, r.crl
}

const (
	ocspPath = "/ocsp"
	crlPath  = "/ca.crl"
	// maxOCSPBytes is far above the size of an OCSP request, some hundred bytes.
	maxOCSPBytes = 64 << 10
	// freshness is how long an answer is good for.
	freshness = time.Hour
)

// ServeHTTP answers OCSP (GET and POST) and CRL requests.
func (r *Revocation) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	isOCSP := strings.HasPrefix(req.URL.Path, ocspPath)
	mode := r.count(isOCSP)
	switch {
	case mode == RevocationDown:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case mode == RevocationSlow:
		_, _ = io.Copy(io.Discard, req.Body) // only then does the server see the client leave
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	case mode == RevocationOversized:
		_, _ = io.CopyN(w, zeros{}, OversizedBytes) // a client that stops reading is right
	case isOCSP:
		r.serveOCSP(w, req, mode)
	case req.URL.Path == crlPath && mode != RevocationUnknown:
		r.serveCRL(w, mode)
	default:
		http.NotFound(w, req)
	}
}

func (r *Revocation) count(isOCSP bool) RevocationMode {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isOCSP {
		r.ocsp++
	} else {
		r.crl++
	}
	return r.mode
}
