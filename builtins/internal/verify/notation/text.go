// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"crypto/x509"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

// nameOf writes the subject of a certificate for a message, which quotes it.
func nameOf(c *x509.Certificate) string { return report.OneLine(c.Subject.String()) }
