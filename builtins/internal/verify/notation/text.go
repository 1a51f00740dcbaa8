// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/x509"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// nameOf writes the subject of a certificate for a message, which quotes it.
func nameOf(c *x509.Certificate) string { return report.OneLine(c.Subject.String()) }

// fingerprint tells certificates of one name apart: sha256:hex of the whole.
func fingerprint(c *x509.Certificate) string {
	return digest.FromBytes(c.Raw).String()
}
