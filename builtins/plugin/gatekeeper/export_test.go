// SPDX-License-Identifier: Apache-2.0

package gatekeeper

// ParseKey is parseKey for tests.
func ParseKey(key string) (namespace, image string, err error) {
	q, err := parseKey(key)
	return q.namespace, q.image, err
}

// ParseRequest is parseRequest for tests.
func ParseRequest(body []byte, maxKeys int) (apiVersion string, keys []string, err error) {
	r, err := parseRequest(body, maxKeys)
	return r.apiVersion, r.keys, err
}
