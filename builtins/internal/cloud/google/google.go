// SPDX-License-Identifier: Apache-2.0

// Package google gets the access token that the metadata server of Google Cloud
// gives a workload: with Workload Identity Federation for GKE the one of its
// service account, without it the node's.
//
// It is asked only if it is configured, for it may be the node's.
//
// Spec: Google Cloud, "View and query VM metadata", service-accounts/default/token.
package google

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/lease"
)

// Options configures an [Identity].
type Options struct {
	// Env looks up the environment: $GCE_METADATA_HOST may name a loopback address,
	// where a stand-in listens. Nil: it is empty.
	Env func(string) string
	// Transport to the services, of the packages that use the identity. Required.
	Transport http.RoundTripper
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Identity gets tokens. It may be shared between goroutines.
type Identity struct {
	base   string
	client cloud.Client
	now    func() time.Time
	tokens *lease.Leases[struct{}, Token]
}

// Token is an access token, and when it expires.
type Token struct {
	Value   string
	Expires time.Time
}

// New returns an identity; nothing is asked of anybody.
func New(o Options) (*Identity, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	override := ""
	if o.Env != nil && o.Env("GCE_METADATA_HOST") != "" {
		override = "http://" + o.Env("GCE_METADATA_HOST")
	}
	base, transport, err := cloud.Metadata("169.254.169.254", override)
	if err != nil {
		return nil, err
	}
	i := &Identity{base: base, client: cloud.Client{Transport: transport, Timeout: 5 * time.Second}, now: o.Now}
	i.tokens = lease.New(lease.Options[struct{}, Token]{Ask: i.ask, Timeout: cloud.AskTimeout, Now: o.Now})
	return i, nil
}

const step = "get token of metadata server"

// maxLifetime bounds what an answer can make us believe; a token lives 1 h.
const maxLifetime = 12 * time.Hour

// Token returns an access token. It is the caller's to send it only to Google. The
// error wraps a [*cloud.Error], or is ctx's.
func (i *Identity) Token(ctx context.Context) (Token, error) { return i.tokens.Take(ctx, struct{}{}) }

// Refused drops a token, which a service did not accept.
func (i *Identity) Refused(t Token) { i.tokens.Refused(struct{}{}, t) }

func (i *Identity) ask(ctx context.Context, _ struct{}) (Token, time.Time, error) {
	req, err := cloud.Get(ctx, i.base+"/computeMetadata/v1/instance/service-accounts/default/token")
	if err != nil {
		return Token{}, time.Time{}, &cloud.Error{Step: step, Message: "the metadata server has no URL"}
	}
	req.Header.Set("Metadata-Flavor", "Google")
	var answer struct {
		Value   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	if err := i.client.JSON(step, req, explainMetadata, &answer); err != nil {
		return Token{}, time.Time{}, err
	}
	if answer.Value == "" || answer.Seconds <= 0 {
		return Token{}, time.Time{}, &cloud.Error{Step: step, Message: "the answer has no access_token that is still good"}
	}
	life := min(time.Duration(min(answer.Seconds, 1<<20))*time.Second, maxLifetime)
	expires := i.now().Add(life)
	return Token{answer.Value, expires}, expires, nil
}

func explainMetadata(http.Header, []byte) cloud.Refusal {
	return cloud.Refusal{Advice: "has the pod's service account an identity in Google Cloud?"}
}

// Explain reads a refusal of a Google API.
//
// Spec: Google APIs, google.rpc.Status.
func Explain(h http.Header, body []byte) cloud.Refusal {
	var said struct {
		Error struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"error"`
	}
	r := cloud.Refusal{RequestID: h.Get("X-Request-Id")}
	if json.Unmarshal(body, &said) == nil {
		r.Code, r.Message = said.Error.Status, said.Error.Message
	}
	return r
}
