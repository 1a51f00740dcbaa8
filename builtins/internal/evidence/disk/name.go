// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"crypto/sha256"
	_ "crypto/sha512" // digests may be sha512, too
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// The two folders of a directory: contents, and files that are being written.
const (
	contents = "sha256" // of the hash in names, not of the digests
	incoming = "incoming"
)

// shards is how many folders share the contents, by the first byte of the name.
const shards = 256

// name is the name of one content's file: a hash, so that neither key nor digest
// can spell a path, and no list of the directory tells which repositories were
// asked for.
type name [sha256.Size]byte

func nameOf(key string, d digest.Digest) name {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q", key, d.String()))
}

// shard is the folder of all names that begin with first.
func shard(first byte) string { return filepath.Join(contents, hex.EncodeToString([]byte{first})) }

func (n name) path() string { return filepath.Join(shard(n[0]), hex.EncodeToString(n[1:])) }

// parseName is the name of a file found in the folder of first.
func parseName(first byte, file string) (n name, ok bool) {
	rest, err := hex.DecodeString(file)
	if err != nil || len(rest) != len(n)-1 {
		return n, false
	}
	n[0] = first
	copy(n[1:], rest)
	return n, hex.EncodeToString(rest) == file // not in capitals
}
