// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// signed returns the parameters of an RPC request whose signature is good; nil if
// it was refused.
//
// Spec: Alibaba Cloud OpenAPI, "RPC request syntax and signature" (V2).
func (a *Alibaba) signed(w http.ResponseWriter, r *http.Request) map[string]string {
	if err := r.ParseForm(); err != nil {
		refuse(w, 400, "InvalidParameter", "form")
		return nil
	}
	p := flat(r.URL.Query(), r.PostForm)
	got := p["Signature"]
	delete(p, "Signature")
	pairs := []string{}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		pairs = append(pairs, percent(name)+"="+percent(p[name]))
	}
	toSign := r.Method + "&" + percent("/") + "&" + percent(strings.Join(pairs, "&"))
	at, err := time.Parse("2006-01-02T15:04:05Z", p["Timestamp"])
	if err != nil || p["SignatureMethod"] != "HMAC-SHA1" || p["SignatureVersion"] != "1.0" {
		refuse(w, 400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
		return nil
	}
	if !a.accept(w, p["AccessKeyId"], p["SecurityToken"], p["SignatureNonce"], at, func(secret string) bool {
		return hmac.Equal([]byte(got), []byte(mac(toSign, secret+"&")))
	}) {
		return nil
	}
	return p
}

// signedROA reports whether the signature of a ROA request is good.
//
// Spec: Alibaba Cloud OpenAPI, "ROA request syntax and signature" (V2).
func (a *Alibaba) signedROA(w http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	sum := md5.Sum(body)
	if got := r.Header.Get("Content-MD5"); got != base64.StdEncoding.EncodeToString(sum[:]) {
		refuse(w, 400, "ContentMD5NotMatched", "content")
		return false
	}
	lines := []string{r.Method}
	for _, name := range []string{"Accept", "Content-MD5", "Content-Type", "Date"} {
		lines = append(lines, r.Header.Get(name))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			lines = append(lines, lower+":"+r.Header.Get(name))
		}
	}
	toSign := strings.Join(append(lines, r.URL.RequestURI()), "\n")
	at, err := http.ParseTime(r.Header.Get("Date"))
	var id, got string
	if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme == "acs" && err == nil {
		id, got, _ = strings.Cut(rest, ":")
	}
	return a.accept(w, id, r.Header.Get("X-Acs-Security-Token"), random(), at, func(secret string) bool {
		return hmac.Equal([]byte(got), []byte(mac(toSign, secret)))
	})
}

// accept checks who signed, when, and that it is not said again.
func (a *Alibaba) accept(w http.ResponseWriter, id, token, nonce string, at time.Time, good func(secret string) bool) bool {
	a.mu.Lock()
	s, known := a.sessions[id]
	again := a.nonces[nonce]
	a.nonces[nonce] = true
	a.mu.Unlock()
	return a.wants(w, known, 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.") &&
		a.wants(w, token == s.token, 400, "InvalidSecurityToken.Malformed", "The SecurityToken is malformed.") &&
		a.wants(w, s.expires.IsZero() || a.Now().Before(s.expires), 400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.") &&
		a.wants(w, !again && nonce != "", 400, "SignatureNonceUsed", "Specified signature nonce was used already.") &&
		a.wants(w, a.Signing().Sub(at).Abs() < 15*time.Minute, 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.") &&
		a.wants(w, good(s.secret), 400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
}

func mac(text, key string) string {
	m := hmac.New(sha1.New, []byte(key))
	_, _ = io.WriteString(m, text)
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// percent encodes all but letters, digits and "-_.~".
//
// Spec: RFC 3986, section 2.3.
func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
