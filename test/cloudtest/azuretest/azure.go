// SPDX-License-Identifier: Apache-2.0

// Package azuretest stands in for Azure: its token services, registries and key
// vaults, under their real host names. The stand-ins check what they are sent as
// the real ones do, signatures included, and answer in their forms. They were
// written from the documentation and not compared with the live service.
package azuretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Azure is a tenant with one workload identity. Its handlers may be shared between
// goroutines; its fields are set before the first request.
type Azure struct {
	Tenant   string // its ID
	ClientID string // of the identity
	Issuer   string // of the cluster's service account tokens
	Subject  string // the service account that is federated with the identity
	Now      func() time.Time

	cluster, entra, registry key // sign service account tokens, access tokens, refresh tokens

	mu     sync.Mutex
	tokens int // given to workloads
}

// AssertionAudience is what a service account token for Entra is for.
const AssertionAudience = "api://AzureADTokenExchange"

// New returns a tenant whose identity is federated with the service account
// ratify of namespace gatekeeper-system.
func New(now func() time.Time) *Azure {
	return &Azure{
		Tenant: "11111111-2222-3333-4444-555555555555", ClientID: "66666666-7777-8888-9999-000000000000",
		Issuer: "https://oidc.example/cluster/", Subject: "system:serviceaccount:gatekeeper-system:ratify", Now: now,
		cluster: newKey(), entra: newKey(), registry: newKey(),
	}
}

// Assertion returns a service account token as the kubelet projects it.
func (a *Azure) Assertion(subject, audience string, expires time.Time) string {
	return a.cluster.sign(claims{Issuer: a.Issuer, Subject: subject, Audience: audience, Expires: expires.Unix()})
}

// Tokens returns how many access tokens were given.
func (a *Azure) Tokens() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tokens
}

// Authority is login.microsoftonline.com or that of another cloud.
func (a *Azure) Authority() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/"+a.Tenant+"/v2.0/.well-known/openid-configuration" {
			a.configuration(w, "https://"+r.Host+"/"+a.Tenant)
			return
		}
		if r.Method == http.MethodGet && r.URL.Path == "/common/discovery/instance" {
			discovery(w, r.Host)
			return
		}
		code, description := a.objection(r)
		if code != "" {
			refuse(w, code, description)
			return
		}
		for scope := range strings.FieldsSeq(r.PostFormValue("scope")) { // beside it, the vendor's clients ask for openid and the like
			if resource, ok := strings.CutSuffix(scope, "/.default"); ok {
				a.give(w, resource, false)
				return
			}
		}
		refuse(w, "AADSTS1002012", "The provided value for scope is not valid.")
	})
}

// configuration tells the vendor's clients where to ask.
func (a *Azure) configuration(w http.ResponseWriter, base string) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize",
	})
}

// discovery tells the vendor's clients that this authority is one of the cloud's.
func discovery(w http.ResponseWriter, host string) {
	answer(w, http.StatusOK, map[string]any{
		"api-version": "1.1", "tenant_discovery_endpoint": "https://" + host + "/common/v2.0/.well-known/openid-configuration",
		"metadata": []map[string]any{{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

// objection says what is wrong with a request for a token.
func (a *Azure) objection(r *http.Request) (code, description string) {
	assertion, signed := a.cluster.verify(r.PostFormValue("client_assertion"))
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/"+a.Tenant+"/oauth2/v2.0/token":
		return "AADSTS90002", "Tenant not found."
	case r.PostFormValue("grant_type") != "client_credentials", r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return "AADSTS70003", "The app requested an unsupported grant type."
	case r.PostFormValue("client_id") != a.ClientID:
		return "AADSTS700016", "Application with identifier was not found in the directory."
	case !signed:
		return "AADSTS700027", "The certificate with identifier used to sign the client assertion is not registered on application."
	case a.Now().Unix() >= assertion.Expires:
		return "AADSTS700024", "Client assertion is not within its valid time range. Review the documentation at https://learn.microsoft.com/ ."
	case assertion.Issuer != a.Issuer:
		return "AADSTS700211", "No matching federated identity record found for presented assertion issuer."
	case assertion.Audience != AssertionAudience:
		return "AADSTS700212", "No matching federated identity record found for presented assertion audience '" + assertion.Audience + "'."
	case assertion.Subject != a.Subject:
		return "AADSTS700213", "No matching federated identity record found for presented assertion subject."
	}
	return "", ""
}

// refuse answers as the authority does.
func refuse(w http.ResponseWriter, code, description string) {
	number, _ := strconv.Atoi(strings.TrimPrefix(code, "AADSTS"))
	answer(w, http.StatusUnauthorized, map[string]any{
		"error": "invalid_client", "error_codes": []int{number}, "trace_id": "trace-1", "correlation_id": "correlation-1",
		"error_description": fmt.Sprintf("%s: %s Trace ID: trace-1 Correlation ID: correlation-1 Timestamp: 2026-01-01 00:00:00Z", code, description),
	})
}

func (a *Azure) give(w http.ResponseWriter, resource string, quoted bool) {
	a.mu.Lock()
	a.tokens++
	n := a.tokens
	a.mu.Unlock()
	const life = time.Hour
	token := a.entra.sign(claims{Audience: resource, Tenant: a.Tenant, Subject: a.ClientID, Expires: a.Now().Add(life).Unix(), ID: strconv.Itoa(n)})
	body := map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": int(life.Seconds())}
	if quoted {
		body["expires_in"] = strconv.Itoa(int(life.Seconds()))
	}
	answer(w, http.StatusOK, body)
}

// Machine is the metadata service of a machine that has the identity.
func (a *Azure) Machine() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.Header.Get("Metadata") != "true" || r.Header.Get("X-Forwarded-For") != "":
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "Required metadata header not specified"})
		case r.Method != http.MethodGet || r.URL.Path != "/metadata/identity/oauth2/token" || q.Get("api-version") != "2018-02-01":
			answer(w, http.StatusNotFound, map[string]any{"error": "not_found"})
		case q.Get("client_id") != "" && q.Get("client_id") != a.ClientID:
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "Identity not found"})
		default:
			a.give(w, q.Get("resource"), true)
		}
	})
}

// allowed reports whether a request carries a token of the tenant for a resource.
func (a *Azure) allowed(token, resource string) bool {
	c, ok := a.entra.verify(token)
	return ok && c.Audience == resource && c.Tenant == a.Tenant && a.Now().Unix() < c.Expires
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}
