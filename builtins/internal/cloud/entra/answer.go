// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// answer is a token and its life. The metadata service writes numbers as strings.
type answer struct {
	AccessToken string      `json:"access_token"`
	ExpiresIn   json.Number `json:"expires_in"` // seconds
}

// maxLifetime bounds what an answer can make us believe: the longest known life is
// 24 h.
const maxLifetime = 24 * time.Hour

func (a answer) token(now time.Time) (string, time.Time, error) {
	seconds, err := strconv.ParseInt(a.ExpiresIn.String(), 10, 32)
	switch {
	case a.AccessToken == "":
		return "", time.Time{}, &cloud.Error{Step: stepToken, Message: "the answer has no access_token"}
	case err != nil || seconds <= 0:
		return "", time.Time{}, &cloud.Error{Step: stepToken, Message: "the answer does not say how long the token lives"}
	}
	return a.AccessToken, now.Add(min(time.Duration(seconds)*time.Second, maxLifetime)), nil
}

// aadsts is how the authority's messages begin; the rest names its trace.
var (
	aadsts = regexp.MustCompile(`AADSTS\d+`)
	trace  = regexp.MustCompile(`(?s)\s*(Trace ID:|Review the documentation|https?://).*$`)
)

// explain reads a refusal of the authority or of the metadata service. For some the
// operator's next step is known.
func explain(h http.Header, body []byte, assertion string) cloud.Refusal {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		TraceID     string `json:"trace_id"`
	}
	if json.Unmarshal(body, &said) != nil {
		return cloud.Refusal{RequestID: h.Get("X-Ms-Request-Id")}
	}
	r := cloud.Refusal{Code: said.Error, Message: said.Description, RequestID: said.TraceID}
	if r.RequestID == "" {
		r.RequestID = h.Get("X-Ms-Request-Id")
	}
	code := aadsts.FindString(said.Description)
	if code == "" {
		return r
	}
	r.Code = code
	r.Message = trace.ReplaceAllString(strings.TrimPrefix(said.Description, code+": "), "")
	if r.Advice = advice(code, assertion); r.Advice != "" {
		r.Message = ""
	}
	return r
}

// advice says what to do about a code, "" if nothing better is known than what the
// authority says.
//
// Spec: Microsoft Entra authentication and authorization error codes.
func advice(code, assertion string) string {
	who := subject(assertion)
	switch code {
	case "AADSTS700024":
		return "the service account token has expired; does the kubelet still renew the token file? It is " + who
	case "AADSTS700212", "AADSTS700214":
		return "no federated credential of the identity has the token's audience; it is " + who
	case "AADSTS70021", "AADSTS700211", "AADSTS700213":
		return "no federated credential of the identity has the token's issuer and subject; it is " + who
	case "AADSTS700016":
		return "there is no such client_id in this tenant"
	case "AADSTS90002":
		return "there is no such tenant_id"
	case "AADSTS500011":
		return "the tenant knows no such resource; is this the right cloud?"
	}
	return ""
}

// subject says whose token an assertion is; what it says is public, and not
// verified here.
func subject(assertion string) string {
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience any    `json:"aud"`
	}
	parts := strings.Split(assertion, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return "not readable"
	}
	audience, err := json.Marshal(claims.Audience)
	if err != nil {
		return "not readable"
	}
	return problem.Sanitise(claims.Subject + " for " + string(audience) + " of " + claims.Issuer)
}
