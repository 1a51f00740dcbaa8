// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
)

// proxy is the token proxy of an AKS cluster, which takes the authority's requests
// for identities that are bound to the cluster.
//
// Spec: AKS identity bindings; environment as azidentity v1.14 reads it.
type proxy struct {
	address        *url.URL
	serverName     string
	caFile, caData string
}

func newProxy(env func(string) string) (*proxy, error) {
	p := &proxy{serverName: env("AZURE_KUBERNETES_SNI_NAME"), caFile: env("AZURE_KUBERNETES_CA_FILE"), caData: env("AZURE_KUBERNETES_CA_DATA")}
	u, err := url.Parse(env("AZURE_KUBERNETES_TOKEN_PROXY"))
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("identity_binding: $AZURE_KUBERNETES_TOKEN_PROXY is not an https URL without user information and query; is the pod annotated for an identity binding?")
	case p.caFile != "" && p.caData != "":
		return nil, errors.New("identity_binding: only one of $AZURE_KUBERNETES_CA_FILE and $AZURE_KUBERNETES_CA_DATA may be set")
	case u.Path == "":
		u.Path = "/"
	}
	p.address = u
	return p, nil
}

// rewrite sends a request to the proxy that is for the authority.
func (p *proxy) rewrite(req *http.Request) {
	req.URL = p.address.JoinPath(req.URL.EscapedPath())
}

// transport reaches the proxy, with the CA as it is now: the cluster rotates it.
func (p *proxy) transport() (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.serverName}
	raw := []byte(p.caData)
	if p.caFile != "" {
		var err error
		if raw, err = os.ReadFile(p.caFile); err != nil {
			return nil, &cloud.Error{Step: "read CA of token proxy", Message: err.Error(), Retryable: true, Err: err}
		}
	}
	if len(raw) > 0 || p.caFile != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(raw) {
			return nil, &cloud.Error{Step: "read CA of token proxy", Message: fmt.Sprintf("no certificate in %q", p.caFile), Retryable: true, Err: errNoToken}
		}
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: 5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}, nil
}
