// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// nameOf writes the subject of a certificate for a message, which quotes it.
func nameOf(c *x509.Certificate) string { return report.OneLine(c.Subject.String()) }

// fingerprint tells certificates of one name apart: sha256:hex of the whole.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
