// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"errors"
	"fmt"
	"strings"
)

// question is one key, taken apart.
type question struct {
	key       string // as the client wrote it
	namespace string // "" if the key names none
	image     string
	place     int // among the distinct keys of its request
}

// parseKey reads a key: an image, or [namespace]image. It is strict because
// whoever writes an image name chooses the key (threat: an image named so that
// its own text is taken for the namespace).
func parseKey(key string) (question, error) {
	q := question{key: key, image: key}
	switch {
	case key == "":
		return q, errors.New("the key is empty; write image or [namespace]image")
	case strings.Count(key, "[")+strings.Count(key, "]") == 0:
		return q, nil
	case key[0] != '[' || strings.Count(key, "[") != 1 || strings.Count(key, "]") != 1:
		return q, errors.New("a key has at most one pair of brackets, at its beginning; write image or [namespace]image")
	}
	q.namespace, q.image, _ = strings.Cut(key[1:], "]")
	if !isLabel(q.namespace) {
		return q, fmt.Errorf("%s is no namespace; one has 1 to 63 lower-case letters, digits and inner hyphens", quote(q.namespace))
	}
	if q.image == "" {
		return q, errors.New("no image follows the namespace; write [namespace]image")
	}
	return q, nil
}

// isLabel tells a DNS label (RFC 1123, section 2.1, in lower case, as Kubernetes
// demands of namespaces).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// quote shows a stranger's text on one line, shortened.
func quote(s string) string {
	const shown = 128
	if len(s) > shown {
		s = strings.ToValidUTF8(s[:shown], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
