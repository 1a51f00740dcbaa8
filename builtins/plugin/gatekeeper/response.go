// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// response is a ProviderResponse. Every field is always written.
type response struct {
	apiVersion  string
	idempotent  bool
	items       []*outcome
	systemError string
}

// refuse answers a request that is not served at all.
func refuse(apiVersion string, o operation, reason error) response {
	return response{apiVersion: apiVersion, idempotent: o.idempotent, systemError: reason.Error()}
}

// respond puts the outcomes of the keys, in the order of the request, into a
// response. A key that occurs twice is answered twice.
func respond(req request, o operation, all outcomes, place config.Undecided) response {
	r := response{apiVersion: req.apiVersion, idempotent: o.idempotent, items: make([]*outcome, 0, len(req.keys))}
	for _, i := range all.of {
		out := &all.distinct[i]
		if out.cause == "" || place == config.UndecidedItem || o.everyKey {
			r.items = append(r.items, out)
		}
	}
	if place == config.UndecidedSystemError {
		r.systemError = systemError(all.distinct)
	}
	return r
}

// systemError names the undecided keys with their reasons, in two kilobytes at
// most: it ends up in events and admission messages.
func systemError(all []outcome) string {
	const limit = 2 << 10
	var undecided []*outcome
	for i := range all {
		if all[i].cause != "" {
			undecided = append(undecided, &all[i])
		}
	}
	var out strings.Builder
	for i, o := range undecided {
		part := shorten(o.question.key, 256) + ": " + o.reason
		if out.Len() > 0 {
			part = "; " + part
		}
		if out.Len()+len(part) > limit && i > 0 {
			fmt.Fprintf(&out, "; and %d more", len(undecided)-i)
			break
		}
		out.WriteString(part)
	}
	return out.String()
}

// buffers are the memory that responses are written in, used again.
type buffers struct{ pool sync.Pool }

// keptBuffer is the largest that is kept, in bytes; about 400 answers.
const keptBuffer = 1 << 20

// write sends r. The error of a client that went away is nobody's concern.
func (b *buffers) write(w http.ResponseWriter, status int, r response) {
	w.Header().Del("Content-Length") // of an answer that was kept back
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	kept, _ := b.pool.Get().(*[]byte)
	if size := r.size(); kept == nil || cap(*kept) < size {
		kept = new(make([]byte, 0, size))
	}
	*kept = r.appendJSON((*kept)[:0])
	_, _ = w.Write(*kept)
	if cap(*kept) <= keptBuffer {
		b.pool.Put(kept)
	}
}

// size is about what r takes, in bytes.
func (r response) size() int {
	const frame, each = 256, 32
	n := frame + len(r.systemError)
	for _, o := range r.items {
		n += each + len(o.question.key) + len(o.value.before) + len(o.value.signature) + len(o.value.after) + len(o.reason) + len(o.err)
	}
	return n
}

func (r response) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"apiVersion":`...), r.apiVersion)
	b = strconv.AppendBool(append(b, `,"kind":"ProviderResponse","response":{"idempotent":`...), r.idempotent)
	b = append(b, `,"items":[`...)
	for i, o := range r.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = o.appendItem(b)
	}
	b = appendString(append(b, `],"systemError":`...), r.systemError)
	return append(b, "}}\n"...)
}

// appendItem appends what the client is told about one key: a value or an error.
func (o *outcome) appendItem(b []byte) []byte {
	b = appendString(append(b, `{"key":`...), o.question.key)
	if message := o.message(); message != "" {
		b = appendString(append(b, `,"error":`...), message)
	} else {
		b = append(append(b, `,"value":`...), o.value.before...)
		b = append(append(b, o.value.signature...), o.value.after...)
	}
	return append(b, '}')
}

// shorten cuts s to about limit bytes, on one line.
func shorten(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
