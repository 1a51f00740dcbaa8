// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

const stepToken = "get Microsoft Entra token"

// federatedToken exchanges the pod's token for one for resource.
func (i *Identity) federatedToken(ctx context.Context, resource string, in Cloud) (string, time.Time, error) {
	authority, err := i.authorityFor(in)
	if err != nil {
		return "", time.Time{}, err
	}
	assertion, err := readAssertion(i.o.TokenFile)
	if err != nil {
		return "", time.Time{}, err
	}
	req, err := cloud.Form(ctx, "https://"+authority+"/"+i.o.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {i.o.ClientID},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
		"scope":                 {resource + "/.default"},
	})
	if err != nil {
		return "", time.Time{}, &cloud.Error{Step: stepToken, Message: "the authority or the tenant makes no URL"}
	}
	client := i.client
	if i.proxy != nil {
		transport, err := i.proxy.transport()
		if err != nil {
			return "", time.Time{}, err
		}
		defer transport.CloseIdleConnections()
		client.Transport = transport
		i.proxy.rewrite(req)
	}
	var a answer
	err = client.JSON(stepToken, req, func(h http.Header, body []byte) cloud.Refusal { return explain(h, body, assertion) }, &a)
	if err != nil {
		return "", time.Time{}, err
	}
	return a.token(i.o.Now())
}

// authorityFor refuses an authority of another cloud than the resource's: its
// tokens are of no use there.
func (i *Identity) authorityFor(in Cloud) (string, error) {
	if i.authority == "" {
		return string(in), nil
	}
	if of, known := cloudOf(i.authority); known && of != in {
		return "", &cloud.Error{Step: stepToken, Message: fmt.Sprintf("the authority %s is that of %s, and this host is of %s; remove the entry's match for it, or set authority to https://%s/", i.authority, of, in, string(in))}
	}
	return i.authority, nil
}

// maxAssertionBytes bounds the token file; a service account token has 1 to 2 KiB.
const maxAssertionBytes = 64 << 10

// readAssertion reads the pod's token, which the kubelet replaces, each time.
func readAssertion(path string) (string, error) {
	const step = "read service account token"
	raw, err := files.Read(path, maxAssertionBytes)
	if err != nil {
		return "", &cloud.Error{Step: step, Message: path + ": " + err.Error() + "; is the pod labelled azure.workload.identity/use: \"true\"?", Retryable: true, Err: err}
	}
	raw = bytes.TrimSpace(raw)
	if bytes.Count(raw, []byte(".")) != 2 || bytes.ContainsAny(raw, " \r\n\t") {
		return "", &cloud.Error{Step: step, Message: path + " holds no JSON web token", Retryable: true, Err: errNoToken}
	}
	return string(raw), nil
}

var errNoToken = errors.New("no token")
