// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// key is an access key, temporary if it has a token.
type key struct{ id, secret, token string }

// sign signs a request with an empty query for a service in a region: its path, its
// body, its host and every header it has.
//
// Spec: AWS Signature Version 4, "Create a signed AWS API request".
func sign(req *http.Request, body []byte, k key, service, region string, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	req.Header.Set("X-Amz-Date", stamp)
	if k.token != "" {
		req.Header.Set("X-Amz-Security-Token", k.token)
	}
	headers, names := canonicalHeaders(req)
	canonical := strings.Join([]string{req.Method, req.URL.EscapedPath(), "", headers, names, hexSum(body)}, "\n")
	scope := strings.Join([]string{stamp[:8], region, service, "aws4_request"}, "/")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hexSum([]byte(canonical))}, "\n")
	signing := []byte("AWS4" + k.secret)
	for _, part := range []string{stamp[:8], region, service, "aws4_request", text} {
		signing = mac(signing, part)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+k.id+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(signing))
}

// canonicalHeaders returns the headers, each on a line of its own, and their names.
func canonicalHeaders(req *http.Request) (lines, names string) {
	values := map[string]string{"host": req.URL.Host}
	list := []string{"host"}
	for name := range req.Header {
		lower := strings.ToLower(name)
		values[lower] = strings.TrimSpace(req.Header.Get(name))
		list = append(list, lower)
	}
	slices.Sort(list)
	var b strings.Builder
	for _, name := range list {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	return b.String(), strings.Join(list, ";")
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
