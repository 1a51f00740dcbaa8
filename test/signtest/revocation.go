// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
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

func (r *Revocation) serveOCSP(w http.ResponseWriter, req *http.Request, mode RevocationMode) {
	request, err := parseOCSP(w, req)
	if err != nil {
		http.Error(w, "malformed request", http.StatusBadRequest)
		return
	}
	thisUpdate, nextUpdate := updates(mode)
	signer := r.signer(mode)
	answer := ocsp.Response{
		Status:       ocsp.Good,
		SerialNumber: request.SerialNumber,
		ThisUpdate:   thisUpdate,
		NextUpdate:   nextUpdate,
	}
	r.mu.Lock()
	entry, revoked := r.revoked[request.SerialNumber.String()]
	r.mu.Unlock()
	switch {
	case mode == RevocationUnknown:
		answer.Status = ocsp.Unknown
	case revoked && mode != RevocationForged:
		answer.Status, answer.RevokedAt, answer.RevocationReason = ocsp.Revoked, entry.RevocationTime, entry.ReasonCode
	}
	der, err := ocsp.CreateResponse(r.ca.chain[0], signer.chain[0], answer, signer.key)
	send(w, "application/ocsp-response", der, err)
}

func (r *Revocation) serveCRL(w http.ResponseWriter, mode RevocationMode) {
	thisUpdate, nextUpdate := updates(mode)
	signer := r.signer(mode)
	list := &x509.RevocationList{
		Number:     big.NewInt(time.Now().UnixNano()),
		ThisUpdate: thisUpdate,
		NextUpdate: nextUpdate,
	}
	if mode != RevocationForged {
		list.RevokedCertificateEntries = r.entries()
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, signer.chain[0], signer.key)
	send(w, "application/pkix-crl", der, err)
}

func (r *Revocation) entries() []x509.RevocationListEntry {
	r.mu.Lock()
	defer r.mu.Unlock()
	entries := make([]x509.RevocationListEntry, 0, len(r.revoked))
	for _, entry := range r.revoked {
		entries = append(entries, entry)
	}
	return entries
}

func (r *Revocation) signer(mode RevocationMode) *CA {
	if mode == RevocationForged {
		return r.stranger
	}
	return r.ca
}

// parseOCSP reads the request from the body of a POST or the path of a GET.
//
// Spec: RFC 6960, appendix A.1.
func parseOCSP(w http.ResponseWriter, req *http.Request) (*ocsp.Request, error) {
	if req.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxOCSPBytes))
		if err != nil {
			return nil, fmt.Errorf("read OCSP request: %w", err)
		}
		return ocsp.ParseRequest(body)
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(req.URL.Path, ocspPath+"/"))
	if err != nil {
		return nil, fmt.Errorf("decode OCSP request: %w", err)
	}
	return ocsp.ParseRequest(der)
}

func updates(mode RevocationMode) (this, next time.Time) {
	now := time.Now()
	if mode == RevocationStale {
		now = now.Add(-2 * freshness)
	}
	return now.Add(-time.Minute), now.Add(freshness)
}

func send(w http.ResponseWriter, contentType string, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
