// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// metadataHost serves the role of an ECS node to whoever asks on that node.
const metadataHost = "100.100.100.200"

const stepNode = "read role of node"

// roleOfNode reads the session of the node's role from the metadata service, with
// a token that a forged request could not get (IMDSv2).
//
// Spec: ECS user guide, "Access instance metadata", "RAM role".
func (c *Client) roleOfNode(ctx context.Context, id Identity) (Session, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	token, err := c.metadata(ctx, http.MethodPut, "/latest/api/token", "X-aliyun-ecs-metadata-token-ttl-seconds", "300")
	if err != nil {
		return Session{}, err
	}
	const path = "/latest/meta-data/ram/security-credentials/"
	role := id.ECSRole
	if role == "" {
		raw, err := c.metadata(ctx, http.MethodGet, path, metadataToken, string(token))
		if err != nil {
			return Session{}, err
		}
		role = strings.TrimSpace(string(raw))
	}
	if !validRole(role) {
		return Session{}, problemf(stepNode, "the node has no RAM role, or its name is none")
	}
	raw, err := c.metadata(ctx, http.MethodGet, path+role, metadataToken, string(token))
	if err != nil {
		return Session{}, err
	}
	var a struct{ Code, AccessKeyID, AccessKeySecret, SecurityToken, Expiration string }
	if json.Unmarshal(raw, &a) != nil || a.Code != "Success" {
		return Session{}, &Error{Step: stepNode, Message: fmt.Sprintf("role %q: the answer holds no session", role), Retryable: true}
	}
	return c.current(stepNode, Session{AccessKeyID: a.AccessKeyID, AccessKeySecret: a.AccessKeySecret, SecurityToken: a.SecurityToken, Expires: expiry(a.Expiration)}, nil)
}

const metadataToken = "X-aliyun-ecs-metadata-token" //nolint:gosec // the name of a header

// metadata asks the metadata service. There is no fall-back to requests without a
// token: it is what keeps a forged request out.
func (c *Client) metadata(ctx context.Context, method, path, header, value string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+metadataHost+path, http.NoBody)
	if err != nil {
		return nil, problemf(stepNode, "%q is not a path", path)
	}
	req.Header.Set(header, strings.TrimSpace(value))
	return roundTrip(stepNode, c.o.Metadata, req)
}

// validRole keeps a role's name from being another path.
//
// Spec: RAM API, "CreateRole": 1 to 64 letters, digits, "." and "-"; "_" is seen.
func validRole(name string) bool {
	return name != "" && len(name) <= 64 && !strings.HasPrefix(name, ".") && !strings.ContainsFunc(name, func(r rune) bool {
		return r == ':' || notInCode(r)
	})
}

// metadataTransport dials the metadata service and nothing else, past any proxy:
// a proxy is not on the node.
func metadataTransport() http.RoundTripper {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, net.JoinHostPort(metadataHost, "80"))
		},
		MaxResponseHeaderBytes: 16 << 10, ResponseHeaderTimeout: 5 * time.Second, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
	}
}
