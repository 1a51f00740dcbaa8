// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

const stepRole = "assume role"

// assumeRole exchanges the service account's token for a key of the role.
//
// Spec: AWS STS, AssumeRoleWithWebIdentity.
func (i *Identity) assumeRole(ctx context.Context) (key, time.Time, error) {
	token, err := readToken(i.o.TokenFile)
	if err != nil {
		return key{}, time.Time{}, err
	}
	req, err := cloud.Form(ctx, "https://"+i.sts+"/", url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {i.o.RoleARN},
		"RoleSessionName": {"opa-ratify"}, "WebIdentityToken": {token},
	})
	if err != nil {
		return key{}, time.Time{}, &cloud.Error{Step: stepRole, Message: "the region makes no URL"}
	}
	var answer struct {
		Key struct {
			ID      string    `xml:"AccessKeyId"`
			Secret  string    `xml:"SecretAccessKey"`
			Token   string    `xml:"SessionToken"`
			Expires time.Time `xml:"Expiration"`
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	if err := i.client.Decode(stepRole, req, explainXML, func(body []byte) error { return xml.Unmarshal(body, &answer) }); err != nil {
		return key{}, time.Time{}, err
	}
	k := answer.Key
	return usable(stepRole, key{k.ID, k.Secret, k.Token}, k.Expires, i.o.Now())
}

// usable refuses a key that could not sign.
func usable(step string, k key, expires, now time.Time) (key, time.Time, error) {
	if k.id == "" || k.secret == "" || k.token == "" || !expires.After(now) {
		return key{}, time.Time{}, &cloud.Error{Step: step, Message: "the answer has no temporary key that is still good"}
	}
	return k, expires, nil
}

// maxTokenBytes bounds a token file; a service account token has 1 to 2 KiB.
const maxTokenBytes = 64 << 10

// readToken reads a token that the kubelet replaces, each time.
func readToken(path string) (string, error) {
	const step = "read service account token"
	raw, err := files.Read(path, maxTokenBytes)
	if err != nil {
		return "", &cloud.Error{Step: step, Message: path + ": " + err.Error(), Retryable: true, Err: err}
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || strings.ContainsAny(token, " \r\n\t") {
		return "", &cloud.Error{Step: step, Message: path + " holds no token", Retryable: true, Err: io.ErrUnexpectedEOF}
	}
	return token, nil
}

// explainXML reads a refusal of STS.
func explainXML(h http.Header, body []byte) cloud.Refusal {
	var said struct {
		Code      string `xml:"Error>Code"`
		Message   string `xml:"Error>Message"`
		RequestID string `xml:"RequestId"`
	}
	if xml.Unmarshal(body, &said) != nil {
		return cloud.Refusal{RequestID: h.Get("X-Amzn-Requestid")}
	}
	r := cloud.Refusal{Code: said.Code, Message: said.Message, RequestID: said.RequestID, Retryable: passing(said.Code)}
	switch said.Code {
	case "ExpiredTokenException":
		r.Message, r.Advice = "", "the service account token has expired; does the kubelet still renew the token file?"
	case "InvalidIdentityToken":
		r.Advice = "is the cluster's issuer an identity provider of the account, and the token's audience sts.amazonaws.com?"
	case "AccessDenied":
		r.Message, r.Advice = "", "the role does not trust this service account; compare its trust policy with the namespace and name of the service account"
	}
	return r
}

// passing reports whether a code says that asking again may help; the services
// answer 400 for some of these.
func passing(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException", "LimitExceededException",
		"IDPCommunicationError", "ServerException", "InternalFailure", "KMSInternalException", "DependencyTimeoutException", "ServiceUnavailable":
		return true
	}
	return false
}
