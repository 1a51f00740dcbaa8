// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// response is a ProviderResponse. Every field is always written.
type response struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Response   responseFields `json:"response"`
}

type responseFields struct {
	Idempotent  bool   `json:"idempotent"`
	Items       []item `json:"items"`
	SystemError string `json:"systemError"`
}

// item is the decision about one key: a value or an error.
type item struct {
	Key   string `json:"key"`
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

// refuse answers a request that is not served at all.
func refuse(apiVersion string, o operation, reason error) response {
	r := o.response(apiVersion)
	r.Response.SystemError = reason.Error()
	return r
}

// respond puts the outcomes of the keys, in the order of the request, into a
// response. A key that occurs twice is answered twice.
func respond(req request, o operation, outcomes map[string]outcome, place config.Undecided) response {
	r := o.response(req.apiVersion)
	var undecided []outcome
	named := map[string]bool{}
	for _, key := range req.keys {
		out := outcomes[key]
		open := out.cause != ""
		if open && place == config.UndecidedSystemError && !named[key] {
			named[key] = true
			undecided = append(undecided, out)
		}
		if !open || place == config.UndecidedItem || o.everyKey {
			r.Response.Items = append(r.Response.Items, out.item())
		}
	}
	r.Response.SystemError = systemError(undecided)
	return r
}

// systemError names the undecided keys with their reasons, in two kilobytes at
// most: it ends up in events and admission messages.
func systemError(undecided []outcome) string {
	const limit = 2 << 10
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

// write sends r. The error of a client that went away is nobody's concern.
func write(w http.ResponseWriter, status int, r response) {
	body, err := json.Marshal(r)
	if err != nil { // a policy's value comes from JSON, so this is a fault of ours; it must not look like an empty answer
		body = fmt.Appendf(nil, `{"apiVersion":%q,"kind":"ProviderResponse","response":{"idempotent":false,"items":[],"systemError":"internal: the response cannot be written"}}`, v1beta1)
	}
	w.Header().Del("Content-Length") // of an answer that was kept back
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// shorten cuts s to about limit bytes, on one line.
func shorten(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
