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
	"time"

	"golang.org/x/crypto/ocsp"
)

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
