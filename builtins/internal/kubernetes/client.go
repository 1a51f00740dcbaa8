// SPDX-License-Identifier: Apache-2.0

// Package kubernetes reads single objects of the cluster's API as this pod's
// service account: Secrets, ConfigMaps and service accounts.
//
// It is plain HTTPS. The typed client of client-go does the same and adds 21 MiB to
// the binary, 40 % of its size, and 19 modules. Objects are read one by one
// and again after a time: a role that allows to get them by name is enough, where
// a watch needs list and watch on every Secret of the namespace.
package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"
)

// AccountDir is where a pod finds its service account.
const AccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// The bounds of what is read: an object has at most 1.5 MiB in etcd, a token 1 or
// 2 KiB.
const (
	maxObjectBytes  = 4 << 20
	maxAccountBytes = 1 << 20
)

// Options configures a [Client].
type Options struct {
	// HTTP returns a client with a timeout for the authorities in PEM. Required.
	HTTP func(ca []byte) (*http.Client, error)
	// Env reads KUBERNETES_SERVICE_HOST and _PORT. Required.
	Env func(string) string
	// Dir holds token, ca.crt and namespace. "": [AccountDir].
	Dir string
}

// Client reads objects. It may be shared between goroutines.
type Client struct {
	http *http.Client
	base string
	dir  string
	// Namespace of this pod.
	Namespace string
}

// New returns a client for the cluster that this process runs in.
func New(o Options) (*Client, error) {
	if o.Dir == "" {
		o.Dir = AccountDir
	}
	host, port := o.Env("KUBERNETES_SERVICE_HOST"), o.Env("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this process is not in a Kubernetes pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
	}
	ca, err := readAccount(o.Dir, "ca.crt")
	if err != nil {
		return nil, err
	}
	namespace, err := readAccount(o.Dir, "namespace")
	if err != nil {
		return nil, err
	}
	client, err := o.HTTP(ca)
	if err != nil {
		return nil, err
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return outbound.ErrRedirect } // the token would go along
	return &Client{http: &own, base: "https://" + net.JoinHostPort(host, port), dir: o.Dir, Namespace: strings.TrimSpace(string(namespace))}, nil
}

func readAccount(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	raw, err := files.Read(path, maxAccountBytes)
	if err != nil {
		return nil, fmt.Errorf("the pod has no service account mounted: read %s: %w", path, err)
	}
	return raw, nil
}

// Secret is a Secret's type and data.
type Secret struct {
	Type string            `json:"type"`
	Data map[string][]byte `json:"data"`
}

// Secret reads a Secret.
func (c *Client) Secret(ctx context.Context, namespace, name string) (Secret, error) {
	var s Secret
	return s, c.get(ctx, namespace, "secrets", name, &s)
}

// ConfigMap reads a ConfigMap's data, text and binary.
func (c *Client) ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	var object struct {
		Data   map[string]string `json:"data"`
		Binary map[string][]byte `json:"binaryData"`
	}
	if err := c.get(ctx, namespace, "configmaps", name, &object); err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	maps.Copy(data, object.Binary)
	return data, nil
}

// PullSecrets returns the names of a service account's image pull Secrets.
func (c *Client) PullSecrets(ctx context.Context, namespace, account string) ([]string, error) {
	var object struct {
		Secrets []struct {
			Name string `json:"name"`
		} `json:"imagePullSecrets"`
	}
	if err := c.get(ctx, namespace, "serviceaccounts", account, &object); err != nil {
		return nil, err
	}
	var names []string
	for _, s := range object.Secrets {
		names = append(names, s.Name)
	}
	return names, nil
}

// Account returns the name of this pod's service account, from its token.
func (c *Client) Account() (string, error) {
	token, err := c.token()
	if err != nil {
		return "", err
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", &Error{Step: "read " + c.dir, Message: "the token is not a service account's"}
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return "", &Error{Step: "read " + c.dir, Message: "the token is not a service account's"}
	}
	// system:serviceaccount:namespace:name
	subject := strings.Split(claims.Subject, ":")
	if len(subject) != 4 || subject[1] != "serviceaccount" {
		return "", &Error{Step: "read " + c.dir, Message: "the token is not a service account's"}
	}
	return subject[3], nil
}

func (c *Client) get(ctx context.Context, namespace, kind, name string, into any) error {
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/" + kind + "/" + url.PathEscape(name)
	step := fmt.Sprintf("get %s %s/%s", kind, namespace, name)
	token, err := c.token()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return &Error{Step: step, Message: "not a URL"}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return problem.Unreachable(step, err)
	}
	defer resp.Body.Close()
	raw, err := outbound.ReadAll(resp.Body, maxObjectBytes)
	if err != nil {
		return problem.Unreachable(step, err)
	}
	if resp.StatusCode != http.StatusOK {
		return refused(step, resp.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return &Error{Step: step, Message: "the answer is not the JSON of such an object"}
	}
	return nil
}

// token is read each time: the kubelet replaces it.
func (c *Client) token() (string, error) {
	path := filepath.Join(c.dir, "token")
	raw, err := files.Read(path, maxAccountBytes)
	if err != nil {
		return "", &Error{Step: "read " + path, Message: err.Error(), Retryable: true}
	}
	if token := strings.TrimSpace(string(raw)); token != "" {
		return token, nil
	}
	return "", &Error{Step: "read " + path, Message: "it is empty", Retryable: true}
}

// Error is what went wrong with the API. It wraps [ErrNotFound] if there is no such
// object.
type Error = problem.CallError

// ErrNotFound is wrapped when the API says that there is no such object.
var ErrNotFound = errors.New("not found")

// refused reads the API's Status object.
func refused(step string, status int, raw []byte) error {
	var said struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	e := &Error{Step: step, Code: strconv.Itoa(status)}
	if status == http.StatusNotFound {
		e.Err = ErrNotFound
	}
	if json.Unmarshal(raw, &said) == nil && said.Reason != "" {
		e.Code, e.Message = problem.Sanitise(said.Reason), problem.Sanitise(said.Message)
	}
	e.Retryable = status == http.StatusTooManyRequests || status >= 500
	return e
}
