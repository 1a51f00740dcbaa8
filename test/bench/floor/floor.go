// SPDX-License-Identifier: Apache-2.0

// Package floor is what answering costs before anything is verified: an HTTPS server
// that answers a constant, and a policy with which stock OPA answers one.
package floor

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Constant reads the body of every request and answers answer.
func Constant(answer []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return // nobody waits
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
}

// Path is where OPA, loaded with [Policy], answers ProviderRequests: its data API that
// takes the body as input.
const Path = "/v0/data/floor/response"

// module calls a built-in once for every key. The value is a constant of the policy.
const module = `package floor

response := {
	"apiVersion": input.apiVersion,
	"kind": "ProviderResponse",
	"response": {"idempotent": true, "items": items, "systemError": ""},
}

items := [{"key": lower(key), "value": value} | some key in input.request.keys]

value := %s
`

// Policy answers a ProviderRequest with the value that the first item of answer, a
// ProviderResponse, has: what OPA costs if verifying is free. The error says that
// answer has no item.
func Policy(answer []byte) (string, error) {
	var r struct {
		Response struct {
			Items []struct {
				Value json.RawMessage `json:"value"`
			} `json:"items"`
		} `json:"response"`
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	if len(r.Response.Items) == 0 {
		return "", fmt.Errorf("answer %.100q: no items", answer)
	}
	return fmt.Sprintf(module, r.Response.Items[0].Value), nil
}
