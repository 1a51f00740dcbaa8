// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// answer is a response that is held back to be altered. Status, header and body are
// sent as they stand at the end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// capture runs next and holds its response.
func capture(next http.Handler, req *http.Request) *answer {
	c := &capturer{header: make(http.Header), status: http.StatusOK}
	next.ServeHTTP(c, req)
	return &answer{status: c.status, header: c.header, body: c.body.Bytes()}
}

// rewritten lets edit alter the successful answers of next.
func rewritten(next http.Handler, edit func(*http.Request, *answer)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		a := capture(next, req)
		if a.status == http.StatusOK {
			edit(req, a)
		}
		a.send(w)
	})
}

// send writes the answer. A body shorter than the declared length ends in a closed
// connection, as a cut transfer does.
func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // HEAD, or a client that is gone
}

// setBody replaces the body and declares its length.
func (a *answer) setBody(body []byte) {
	a.body = body
	a.header.Set("Content-Length", strconv.Itoa(len(body)))
}

// editReferrers decodes the answer, if it is a list of referrers, and encodes what edit
// made of it.
func (a *answer) editReferrers(req *http.Request, edit func(*ocispec.Index)) {
	var index ocispec.Index
	kind, _, _ := parsePath(ServerRegistry, req.URL.Path)
	if kind != KindReferrers || json.Unmarshal(a.body, &index) != nil {
		return
	}
	edit(&index)
	if index.Manifests == nil {
		index.Manifests = []ocispec.Descriptor{}
	}
	body, err := json.Marshal(index)
	if err != nil {
		panic(err) // decoded from JSON a moment ago
	}
	a.setBody(body)
}

type capturer struct {
	header http.Header
	status int
	sent   bool
	body   bytes.Buffer
}

func (c *capturer) Header() http.Header { return c.header }

func (c *capturer) WriteHeader(status int) {
	if !c.sent {
		c.sent, c.status = true, status
	}
}

func (c *capturer) Write(p []byte) (int, error) {
	c.sent = true
	return c.body.Write(p)
}
