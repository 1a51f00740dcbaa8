// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"encoding/asn1"
	"errors"
)

// maxIterations of a key derivation: OpenSSL writes 2048, the highest
// recommendation known is 1.3 million. An iteration count is a declared size: a file
// of a kilobyte could ask for hours.
const maxIterations = 5_000_000

var errIterations = errors.New("the PKCS#12 content asks for more than 5000000 iterations of key derivation")

// maxDepth of nesting; a file of the service has 14.
const maxDepth = 32

// checkIterations looks for iteration counts wherever the format may have them: an
// integer that follows an octet string, the salt.
//
// Spec: RFC 7292, section 4 (MacData), appendix C (pkcs-12PbeParams); RFC 8018,
// appendix A.2 (PBKDF2-params).
func checkIterations(der []byte, depth int) error {
	afterSalt := false
	for len(der) > 0 && depth < maxDepth {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil //nolint:nilerr // not DER: an octet string may hold anything
		}
		der = rest
		universal := v.Class == asn1.ClassUniversal
		if universal && v.Tag == asn1.TagInteger && afterSalt && tooMany(v.FullBytes) {
			return errIterations
		}
		afterSalt = universal && v.Tag == asn1.TagOctetString
		if v.IsCompound || afterSalt {
			if err := checkIterations(v.Bytes, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func tooMany(integer []byte) bool {
	var n int64
	_, err := asn1.Unmarshal(integer, &n)
	return err != nil || n > maxIterations
}
