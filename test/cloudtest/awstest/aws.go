// SPDX-License-Identifier: Apache-2.0

// Package awstest stands in for AWS: STS, the pod identity agent, ECR's API and KMS,
// under their real host names. It recomputes the signature of every signed call. It
// was written from the documentation and not compared with the live service.
package awstest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// AWS is an account with one role. It may be changed while it serves.
type AWS struct {
	Account string
	Role    string // its ARN
	Now     func() time.Time

	mu      sync.Mutex
	tokens  map[string]time.Time // service account tokens that the role trusts, and their ends
	keys    map[string]session   // access keys by ID
	kms     map[string]*Key
	assumed int

	passwords map[string]time.Time // of registries, and their ends
}

type session struct {
	secret, token string
	expires       time.Time
}

// Key is a key of KMS.
type Key struct {
	Public any
	Usage  string // "": SIGN_VERIFY
	State  string // "": Enabled; Disabled, PendingDeletion
}

// New returns an account.
func New(now func() time.Time) *AWS {
	return &AWS{
		Account: "123456789012", Role: "arn:aws:iam::123456789012:role/ratify", Now: now,
		tokens: map[string]time.Time{}, keys: map[string]session{}, kms: map[string]*Key{}, passwords: map[string]time.Time{},
	}
}

// Trust makes the role trust a service account token until a time.
func (a *AWS) Trust(token string, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = until
}

// AccessKey returns a permanent key.
func (a *AWS) AccessKey() (id, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, secret = fmt.Sprintf("AKIA%d", len(a.keys)), fmt.Sprintf("secret/%d", len(a.keys))
	a.keys[id] = session{secret: secret, expires: a.Now().Add(24 * 365 * time.Hour)}
	return id, secret
}

// PutKey puts a key into KMS.
func (a *AWS) PutKey(id string, k Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kms[id] = &k
}

// Assumed returns how many temporary keys were given.
func (a *AWS) Assumed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.assumed
}

// assume makes a temporary key for a token that is trusted.
func (a *AWS) assume(token string) (id string, s session, code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	until, known := a.tokens[token]
	switch {
	case !known:
		return "", s, "AccessDenied"
	case !a.Now().Before(until):
		return "", s, "ExpiredTokenException"
	}
	a.assumed++
	n := strconv.Itoa(a.assumed)
	id, s = "ASIA"+n, session{secret: "temporary/" + n, token: "session+" + n, expires: a.Now().Add(time.Hour)}
	a.keys[id] = s
	return id, s, ""
}

// STS is sts.REGION.amazonaws.com.
func (a *AWS) STS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, s, code := "", session{}, "InvalidAction"
		if r.PostFormValue("Action") == "AssumeRoleWithWebIdentity" && r.PostFormValue("Version") == "2011-06-15" && r.PostFormValue("RoleSessionName") != "" {
			code = "AccessDenied"
			if r.PostFormValue("RoleArn") == a.Role {
				id, s, code = a.assume(r.PostFormValue("WebIdentityToken"))
			}
		}
		if code != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>Not authorized</Message></Error><RequestId>request-1</RequestId></ErrorResponse>`, code)
			return
		}
		_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			id, s.secret, s.token, s.expires.Format(time.RFC3339))
	})
}

// Agent is the pod identity agent of a node.
func (a *AWS) Agent() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, s, code := a.assume(r.Header.Get("Authorization"))
		if code != "" || r.URL.Path != "/v1/credentials" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "no association")
			return
		}
		answer(w, http.StatusOK, map[string]any{"AccessKeyId": id, "SecretAccessKey": s.secret, "Token": s.token, "Expiration": s.expires.Format(time.RFC3339), "AccountId": a.Account})
	})
}

// ECR is api.ecr.REGION.amazonaws.com.
func (a *AWS) ECR() http.Handler {
	return a.signed("ecr", func(w http.ResponseWriter, target string, body []byte) {
		var input struct {
			RegistryIDs []string `json:"registryIds"`
		}
		if err := json.Unmarshal(body, &input); err != nil || target != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" || !slices.Equal(input.RegistryIDs, []string{a.Account}) {
			refuse(w, "InvalidParameterException")
			return
		}
		password, until := a.password()
		token := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
		expires := float64(until.UnixMilli()) / 1000
		answer(w, http.StatusOK, map[string]any{"authorizationData": []map[string]any{{"authorizationToken": token, "expiresAt": expires}}})
	})
}

// KMS is kms.REGION.amazonaws.com.
func (a *AWS) KMS() http.Handler {
	return a.signed("kms", func(w http.ResponseWriter, target string, body []byte) {
		var input struct{ KeyID string }
		if err := json.Unmarshal(body, &input); err != nil || target != "TrentService.GetPublicKey" {
			refuse(w, "UnknownOperationException")
			return
		}
		a.mu.Lock()
		k := a.kms[input.KeyID]
		a.mu.Unlock()
		switch {
		case k == nil:
			refuse(w, "NotFoundException")
		case k.State == "Disabled":
			refuse(w, "DisabledException")
		case k.State != "":
			refuse(w, "KMSInvalidStateException")
		default:
			der, err := x509.MarshalPKIXPublicKey(k.Public)
			if err != nil {
				panic(err) // of a key that a test made
			}
			usage := k.Usage
			if usage == "" {
				usage = "SIGN_VERIFY"
			}
			answer(w, http.StatusOK, map[string]any{"KeyId": input.KeyID, "PublicKey": der, "KeyUsage": usage})
		}
	})
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("X-Amzn-Requestid", "request-2")
	answer(w, http.StatusBadRequest, map[string]any{"__type": "com.amazonaws.v1#" + code, "Message": "refused"})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}
