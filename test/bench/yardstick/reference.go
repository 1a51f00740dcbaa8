// SPDX-License-Identifier: Apache-2.0

package yardstick

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
)

// reference is registry/repository:tag or registry/repository@digest.
type reference struct {
	host, repo, tag string
	digest          digest.Digest // "" unless by digest
}

func parse(image string) (reference, error) {
	host, rest, ok := strings.Cut(image, "/")
	if !ok {
		return reference{}, fmt.Errorf("reference %q: no registry", image)
	}
	if repo, d, ok := strings.Cut(rest, "@"); ok {
		parsed, err := digest.Parse(d)
		return reference{host: host, repo: repo, digest: parsed}, err
	}
	i := strings.LastIndexByte(rest, ':')
	if i < 0 {
		return reference{}, fmt.Errorf("reference %q: neither tag nor digest", image)
	}
	return reference{host: host, repo: rest[:i], tag: rest[i+1:]}, nil
}

// url is an address of the registry: plain HTTP on loopback.
func (r reference) url(kind, name string) *url.URL {
	scheme := "https"
	host, _, err := net.SplitHostPort(r.host)
	if ip := net.ParseIP(host); err == nil && ip.IsLoopback() {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: r.host, Path: "/v2/" + r.repo + "/" + kind + "/" + name}
}
