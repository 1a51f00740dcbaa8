// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"
)

// Anchors returns the certificates that vouch for a signer with this chain,
// leaf first: the store's own, and the signer's if it stands alone, signed itself
// and has one of the store's keys.
//
// A key service keeps keys and no certificates, and signers that use one make a
// certificate of their own, some for every signature. Whoever made it had the key,
// which is all that a store with that very certificate would say.
func (s *Store) Anchors(chain []*x509.Certificate) []*x509.Certificate {
	if len(s.Keys) == 0 || len(chain) != 1 || !isSelfSigned(chain[0]) || !s.hasKey(chain[0].PublicKey) {
		return s.Certificates
	}
	return append(slices.Clone(s.Certificates), chain[0])
}

func (s *Store) hasKey(public crypto.PublicKey) bool {
	return slices.ContainsFunc(s.Keys, func(k Key) bool {
		same, ok := k.Public.(interface{ Equal(crypto.PublicKey) bool })
		return ok && same.Equal(public)
	})
}

// Empty reports whether nothing in the store could vouch for anybody.
func (s *Store) Empty() bool { return len(s.Certificates) == 0 && len(s.Keys) == 0 }

// takesKeys: the keys of timestamp and signing authorities are those of
// certificates that say so.
func (s *Store) takesKeys() bool { return strings.HasPrefix(s.Name, TypeCA+":") }
