// SPDX-License-Identifier: Apache-2.0

package awstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$`)

// signed serves calls whose signature is right, of a key that is good, for this
// service and the region in the host.
func (a *AWS) signed(service string, serve func(w http.ResponseWriter, target string, body []byte)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		if code := a.objection(r, service, body); code != "" {
			refuse(w, code)
			return
		}
		serve(w, r.Header.Get("X-Amz-Target"), body)
	})
}

func (a *AWS) objection(r *http.Request, service string, body []byte) string {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return "MissingAuthenticationTokenException"
	}
	a.mu.Lock()
	s, known := a.keys[m[1]]
	a.mu.Unlock()
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	names := strings.Split(m[5], ";")
	switch {
	case !known || s.token != r.Header.Get("X-Amz-Security-Token"):
		return "UnrecognizedClientException"
	case !a.Now().Before(s.expires):
		return "ExpiredTokenException"
	case err != nil || at.Sub(a.Now()).Abs() > 15*time.Minute || !strings.HasPrefix(date, m[2]):
		return "InvalidSignatureException"
	case m[4] != service, !strings.Contains(r.Host, "."+m[3]+"."), !slices.Contains(names, "host"), !slices.Contains(names, "x-amz-target"):
		return "InvalidSignatureException"
	case s.token != "" && !slices.Contains(names, "x-amz-security-token"):
		return "InvalidSignatureException"
	}
	var headers strings.Builder
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, value)
	}
	canonical := fmt.Sprintf("%s\n%s\n\n%s\n%s\n%x", r.Method, r.URL.Path, headers.String(), m[5], sha256.Sum256(body))
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%x", date, m[2], m[3], m[4], sha256.Sum256([]byte(canonical)))
	signing := hash(hash(hash(hash([]byte("AWS4"+s.secret), m[2]), m[3]), m[4]), "aws4_request")
	if fmt.Sprintf("%x", hash(signing, text)) != m[6] {
		return "InvalidSignatureException"
	}
	return ""
}

func hash(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
