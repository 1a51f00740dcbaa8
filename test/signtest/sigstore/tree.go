// SPDX-License-Identifier: Apache-2.0

package sigstore

import "github.com/transparency-dev/merkle/rfc6962"

// treeHash is the Merkle tree hash of leaves.
//
// Spec: RFC 6962, section 2.1.
func treeHash(leaves [][]byte) []byte {
	hasher := rfc6962.DefaultHasher
	switch len(leaves) {
	case 0:
		return hasher.EmptyRoot()
	case 1:
		return hasher.HashLeaf(leaves[0])
	}
	k := split(len(leaves))
	return hasher.HashChildren(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// auditPath are the hashes that lead from leaf m to the root, lowest first.
//
// Spec: RFC 6962, section 2.1.1.
func auditPath(m int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(auditPath(m, leaves[:k]), treeHash(leaves[k:]))
	}
	return append(auditPath(m-k, leaves[k:]), treeHash(leaves[:k]))
}

// split is the largest power of two below n, which is at least 2.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}
