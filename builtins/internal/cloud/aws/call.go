// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
)

// Call is a call of a service that speaks AWS JSON 1.1.
type Call struct {
	Step    string // what is being done, as errors say it
	Host    string // of the service, which the caller has checked
	Service string // as signatures name it, "kms"
	Region  string // as signatures name it
	Target  string // "TrentService.GetPublicKey"
	Input   any    // encoded as JSON
}

// Do makes a signed call and decodes its answer. The error wraps a [*cloud.Error],
// or is ctx's.
func (i *Identity) Do(ctx context.Context, c Call, into any) error {
	k, err := i.key(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(c.Input)
	if err != nil {
		return &cloud.Error{Step: c.Step, Message: "the input cannot be encoded"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.Host+"/", bytes.NewReader(body))
	if err != nil {
		return &cloud.Error{Step: c.Step, Message: "the host makes no URL"}
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", c.Target)
	sign(req, body, k, c.Service, c.Region, i.o.Now())
	err = i.client.JSON(c.Step, req, explainJSON, into)
	if e, ok := errors.AsType[*cloud.Error](err); ok && refusesKey(e.Code) {
		i.keys.Refused(struct{}{}, k)
	}
	return err
}

// refusesKey reports whether a code says that the key is no good, or no longer.
func refusesKey(code string) bool {
	switch code {
	case "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException":
		return true
	}
	return false
}

// explainJSON reads a refusal in AWS JSON 1.1. The code may come with a namespace.
func explainJSON(h http.Header, body []byte) cloud.Refusal {
	r := cloud.Refusal{RequestID: h.Get("X-Amzn-Requestid")}
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // or Message: encoding/json does not mind
	}
	if json.Unmarshal(body, &said) != nil {
		return r
	}
	r.Code, r.Message = said.Type[strings.LastIndexByte(said.Type, '#')+1:], said.Message
	r.Retryable = passing(r.Code)
	if r.Code == "InvalidSignatureException" {
		r.Advice = "is the clock of this machine right?"
	}
	return r
}
