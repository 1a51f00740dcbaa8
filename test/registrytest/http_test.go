// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// response is an answer that was read to its end.
type response struct {
	Status int
	Header http.Header
	Length int64 // declared; -1 for none
	Body   []byte
}

// do sends one request, without following redirects.
func do(t *testing.T, method, target string, header http.Header) response {
	t.Helper()
	resp, err := try(t, method, target, header)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// try is do for requests that may fail. If reading the body fails, there is both a
// response and an error.
func try(t *testing.T, method, target string, header http.Header) (response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), cmp.Or(method, http.MethodGet), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // net/http repeats requests on kept connections
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, resp.ContentLength, body}, err
}

// list asks for the referrers of subject without a client library in between.
func list(t *testing.T, reg *registrytest.Registry, subject ocispec.Descriptor, artifactType string) (ocispec.Index, http.Header) {
	t.Helper()
	query := ""
	if artifactType != "" {
		query = "?" + url.Values{"artifactType": {artifactType}}.Encode()
	}
	resp := do(t, "", reg.URL()+"/v2/app/referrers/"+subject.Digest.String()+query, nil)
	var index ocispec.Index
	if err := json.Unmarshal(resp.Body, &index); err != nil {
		t.Fatal(err)
	}
	return index, resp.Header
}

// bearer asks the token server for a token of scope.
func bearer(t *testing.T, reg *registrytest.Registry, scope string) string {
	t.Helper()
	resp := do(t, "", reg.TokenURL()+"?"+url.Values{"service": {"registrytest"}, "scope": {scope}}.Encode(), nil)
	var answer struct{ Token string }
	if err := json.Unmarshal(resp.Body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token in the answer %d: %v", resp.Status, err)
	}
	return "Bearer " + answer.Token
}
