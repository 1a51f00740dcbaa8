// SPDX-License-Identifier: Apache-2.0

package service

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// serviceTimeout bounds one request to a key service.
const serviceTimeout = 10 * time.Second

// serviceClient is how a service that the operator named is reached: at any
// address but metadata's, below the system's authorities and ca.
func serviceClient(ca []byte) (*http.Client, error) {
	roots, err := withAuthorities(ca)
	if err != nil {
		return nil, err
	}
	transport := outbound.NewTransport(outbound.Options{RootCAs: roots, IdlePerHost: 1})
	return &http.Client{Transport: transport, Timeout: serviceTimeout, CheckRedirect: outbound.CheckRedirect}, nil
}

// withAuthorities returns the system's authorities and those in pem; nil means the
// system's alone.
func withAuthorities(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil //nolint:nilnil // crypto/tls reads nil so
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("ca_file: no certificate in it; expected PEM")
	}
	return pool, nil
}
