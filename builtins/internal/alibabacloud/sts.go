// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

const stepRRSA = "AssumeRoleWithOIDC"

// maxToken bounds the service account's token, in bytes.
const maxToken = 20_000 // STS API 2015-04-01: OIDCToken has at most 20,000 characters

// assumeRoleWithOIDC exchanges the service account's token for a session. The
// request is not signed: the token is the proof. The SDK would put it into the
// query and wants an access key to sign with, so it is not used here.
//
// Spec: Security Token Service API 2015-04-01, "AssumeRoleWithOIDC".
func (c *Client) assumeRoleWithOIDC(ctx context.Context, id Identity) (Session, error) {
	token, err := serviceAccountToken(id.TokenFile)
	if err != nil {
		return Session{}, err
	}
	form := url.Values{
		"RoleArn": {id.RoleARN}, "OIDCProviderArn": {id.OIDCProviderARN}, "OIDCToken": {token},
		"RoleSessionName": {id.SessionName}, "DurationSeconds": {seconds(id.Duration)},
	}
	if id.Policy != "" {
		form.Set("Policy", id.Policy)
	}
	query := url.Values{
		"Action": {stepRRSA}, "Format": {"JSON"}, "Version": {"2015-04-01"}, "Timestamp": {c.o.Now().UTC().Format("2006-01-02T15:04:05Z")},
	}
	raw, err := c.post(ctx, stepRRSA, id.STSEndpoint, query, form)
	if err != nil {
		return Session{}, explainRRSA(err, id)
	}
	return c.readSession(stepRRSA, raw)
}

func serviceAccountToken(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		cause, _ := errors.AsType[*fs.PathError](err)
		return "", &Error{Step: "read service account token", Message: fmt.Sprintf("%q: %v", path, cause.Err), Retryable: true, Err: err}
	}
	defer file.Close()
	raw, err := outbound.ReadAll(file, maxToken)
	token := strings.TrimSpace(string(raw))
	switch {
	case err != nil:
		return "", &Error{Step: "read service account token", Message: fmt.Sprintf("%q: %v", path, err), Err: err}
	case token == "":
		return "", &Error{Step: "read service account token", Message: fmt.Sprintf("%q is empty", path), Retryable: true}
	}
	return token, nil
}

// explainRRSA adds what an operator looks for when a role cannot be assumed.
func explainRRSA(err error, id Identity) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch {
	case strings.Contains(e.Code, "OIDCToken.Expired"):
		e.Message += fmt.Sprintf("; the token in %q has expired: is it mounted as a projected volume, which the kubelet renews?", id.TokenFile)
		e.Retryable = true // the kubelet may be late
	case strings.HasPrefix(e.Code, "AuthenticationFail"), strings.HasPrefix(e.Code, "NoPermission"):
		e.Message += fmt.Sprintf("; role %s must trust %s with this service account as oidc:sub and the token's audience as oidc:aud", id.RoleARN, id.OIDCProviderARN)
	}
	return e
}

// post sends a form without a signature, through the same guard as signed calls.
func (c *Client) post(ctx context.Context, step, host string, query, form url.Values) ([]byte, error) {
	if !validHost(host) {
		return nil, problemf(step, "%q is not a host name", host)
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/?"+query.Encode(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, problemf(step, "%q is not a host name", host)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	seen := &exchange{}
	return roundTrip(step, &guard{ctx: ctx, host: host, base: c.o.Transport, seen: seen}, req)
}

// roundTrip returns the body of an answer that is a success.
func roundTrip(step string, rt http.RoundTripper, req *http.Request) ([]byte, error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, unanswered(step, err)
	}
	defer resp.Body.Close()
	raw, err := outbound.ReadAll(resp.Body, maxAnswer)
	if err != nil {
		return nil, unanswered(step, err)
	}
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Code, Message, RequestID string }
		if json.Unmarshal(raw, &problem) != nil {
			problem.Code = "" // a body that is not the documented object says nothing
		}
		return nil, refused(step, resp.StatusCode, problem.Code, problem.Message, problem.RequestID)
	}
	return raw, nil
}

func (c *Client) readSession(step string, raw []byte) (Session, error) {
	var answer struct {
		Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken, Expiration string }
	}
	if json.NewDecoder(bytes.NewReader(raw)).Decode(&answer) != nil {
		return Session{}, &Error{Step: step, Message: "the answer is not the JSON that is documented", Retryable: true}
	}
	a := answer.Credentials
	return c.current(step, Session{AccessKeyID: a.AccessKeyID, AccessKeySecret: a.AccessKeySecret, SecurityToken: a.SecurityToken, Expires: expiry(a.Expiration)}, nil)
}

// assumeRole gets the session of a role by an access key.
//
// Spec: Security Token Service API 2015-04-01, "AssumeRole".
func (c *Client) assumeRole(ctx context.Context, id Identity, as Session) (Session, error) {
	request, response := sts.CreateAssumeRoleRequest(), sts.CreateAssumeRoleResponse()
	request.Method = requests.POST
	request.RoleArn, request.RoleSessionName = id.RoleARN, id.SessionName
	request.ExternalId, request.Policy = id.ExternalID, id.Policy
	request.DurationSeconds = requests.Integer(seconds(id.Duration))
	if err := c.do(ctx, call{host: id.STSEndpoint, session: as}, request, response); err != nil {
		return Session{}, err
	}
	a := response.Credentials
	return c.current("AssumeRole", Session{AccessKeyID: a.AccessKeyId, AccessKeySecret: a.AccessKeySecret, SecurityToken: a.SecurityToken, Expires: expiry(a.Expiration)}, nil)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
