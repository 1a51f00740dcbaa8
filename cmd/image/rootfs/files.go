// SPDX-License-Identifier: Apache-2.0

package rootfs

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// User is the user and the group that the image runs as, by number: Kubernetes can
// tell that runAsNonRoot holds. It is the nonroot of the distroless images.
const User = 65532

// AuthoritiesFile is where Go looks for certificate authorities.
const AuthoritiesFile = "/etc/ssl/certs/ca-certificates.crt"

// What Go looks up: the home of the user, where credentials and trust stores are.
var (
	users  = []byte("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n") //nolint:gochecknoglobals // a constant
	groups = []byte("root:x:0:\nnonroot:x:65532:\n")                                                                    //nolint:gochecknoglobals // a constant
)

// Authorities are the certificates that Mozilla trusts for servers, PEM: the copy that
// the Go project keeps, which go.sum pins to the byte. A distribution's package would
// be whatever the machine that builds happens to have.
//
// A root that is trusted only for certificates issued before some day is left out: a
// file of certificates cannot say so, and without it the root would be trusted for
// more than Mozilla does.
func Authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}
