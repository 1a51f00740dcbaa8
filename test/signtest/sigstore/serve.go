// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"fmt"
	"io"
	"net/http"

	"github.com/digitorus/timestamp"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// Handler serves the instance to command lines that sign: it answers as Fulcio, Rekor v1
// and v2 and a timestamping authority do. Who may be certified is settled by [Instance.Token].
//
// Specs: Fulcio API v2, Rekor API v1 and v2, RFC 3161 section 3.4.
func (i *Instance) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(req *http.Request, body []byte) (*answer, error){
		"POST /api/v2/signingCert": i.answerCertificate,
		"POST /api/v1/log/entries": i.Log.answerEntryV1,
		"POST /api/v2/log/entries": i.LogV2.answerEntryV2,
		"POST /api/v1/timestamp":   i.TSA.answerTimestamp,
	} {
		mux.Handle(pattern, endpoint(answer))
	}
	return mux
}

// answer is what an endpoint says; the status is 201 Created, but for certificates.
type answer struct {
	status      int
	contentType string
	etag        string
	body        []byte
}

// maxRequestBytes is far above the size of a request, some thousand bytes.
const maxRequestBytes = 1 << 20

func endpoint(respond func(req *http.Request, body []byte) (*answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxRequestBytes))
		if err != nil {
			http.Error(w, "unreadable request", http.StatusBadRequest)
			return
		}
		a, err := respond(req, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", a.contentType)
		if a.etag != "" {
			w.Header().Set("ETag", a.etag)
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // a client that is gone needs no answer
	})
}

func (t *TSA) answerTimestamp(_ *http.Request, body []byte) (*answer, error) {
	query, err := timestamp.ParseRequest(body)
	if err != nil {
		return nil, fmt.Errorf("read time-stamp query: %w", err)
	}
	response, err := t.respond(query.HashAlgorithm, query.HashedMessage, query.Nonce, t.now())
	return &answer{status: http.StatusCreated, contentType: "application/timestamp-reply", body: response}, err
}

// SigningConfig tells command lines where url, a server of [Instance.Handler], has its
// services; rekor is the version of the log, 0 for none.
//
// Spec: Sigstore protobuf-specs, sigstore_trustroot.proto, SigningConfig v0.2.
func (i *Instance) SigningConfig(url string, rekor uint32) ([]byte, error) {
	service := func(path string, version uint32) []root.Service {
		return []root.Service{{
			URL:                 url + path,
			MajorAPIVersion:     version,
			Operator:            "signtest",
			ValidityPeriodStart: i.now().Add(-decade),
		}}
	}
	one := root.ServiceConfiguration{Selector: trustroot.ServiceSelector_ANY}
	var logs []root.Service
	if rekor != 0 {
		logs = service("", rekor)
	}
	config, err := root.NewSigningConfig(root.SigningConfigMediaType02,
		service("", 1), nil, logs, one, service("/api/v1/timestamp", 1), one)
	if err != nil {
		return nil, fmt.Errorf("make signing config: %w", err)
	}
	return config.MarshalJSON()
}
