// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tilesnote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"golang.org/x/mod/sumdb/note"
)

// Log is a transparency log: an append-only Merkle tree that signs its heads. It may be
// used concurrently.
//
// Spec: RFC 6962, section 2.1; C2SP tlog-checkpoint.
type Log struct {
	version int // of Rekor: 1 signs entry timestamps, 2 does not
	base    string
	key     *Signer
	id      []byte
	now     func() time.Time

	mu     sync.Mutex
	leaves [][]byte
}

// treeID is the shard that checkpoints of Rekor v1 name.
const treeID = 42

// newLog makes a log that holds entries already, so that proofs are not empty.
func newLog(version int, base string, now func() time.Time) (*Log, error) {
	options := KeyOptions{}
	if version == 2 {
		options.Kind = Ed25519
	}
	key, err := NewKey(options)
	if err != nil {
		return nil, err
	}
	l := &Log{version: version, base: base, key: key, now: now}
	if l.id, err = l.identify(); err != nil {
		return nil, err
	}
	for i := range 3 {
		l.leaves = append(l.leaves, fmt.Appendf(nil, "entry %d of somebody else", i))
	}
	return l, nil
}

// PEM is the public key of the log, for command lines that know no trusted root.
func (l *Log) PEM() string { return l.key.PEM() }

// identify is the identifier of the log in entries and trusted roots.
func (l *Log) identify() ([]byte, error) {
	if l.version == 1 {
		sum := sha256.Sum256(l.key.publicDER())
		return sum[:], nil
	}
	_, id, err := tilesnote.KeyHash(l.host(), l.key.Key.Public())
	if err != nil {
		return nil, fmt.Errorf("identify log %s: %w", l.base, err)
	}
	return id, nil
}

// trusted is the log as a trusted root holds it.
func (l *Log) trusted(from, until time.Time) *root.TransparencyLog {
	return &root.TransparencyLog{
		BaseURL:             l.base,
		ID:                  l.id,
		HashFunc:            crypto.SHA256,
		SignatureHashFunc:   l.key.Hash(),
		PublicKey:           l.key.Key.Public(),
		ValidityPeriodStart: from,
		ValidityPeriodEnd:   until,
	}
}

// append adds one entry, at the present if at is zero, and proves that it is in the log.
func (l *Log) append(body []byte, kind, version string, at time.Time) (*rekor.TransparencyLogEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	index := len(l.leaves)
	l.leaves = append(l.leaves, body)
	entry := &rekor.TransparencyLogEntry{
		LogIndex:          int64(index),
		LogId:             &common.LogId{KeyId: l.id},
		KindVersion:       &rekor.KindVersion{Kind: kind, Version: version},
		CanonicalizedBody: body,
	}
	head := treeHash(l.leaves)
	checkpoint, err := l.checkpoint(head, uint64(len(l.leaves)))
	if err != nil {
		return nil, err
	}
	entry.InclusionProof = &rekor.InclusionProof{
		LogIndex:   entry.LogIndex,
		TreeSize:   int64(len(l.leaves)),
		RootHash:   head,
		Hashes:     auditPath(index, l.leaves),
		Checkpoint: &rekor.Checkpoint{Envelope: checkpoint},
	}
	if l.version == 1 {
		entry.IntegratedTime = timeOr(at, l.now()).Unix()
		if entry.InclusionPromise, err = l.promise(entry); err != nil {
			return nil, err
		}
	}
	return entry, nil
}

// promise is the signed entry timestamp of Rekor v1.
func (l *Log) promise(entry *rekor.TransparencyLogEntry) (*rekor.InclusionPromise, error) {
	payload, err := json.Marshal(tlog.RekorPayload{
		Body:           base64.StdEncoding.EncodeToString(entry.GetCanonicalizedBody()),
		IntegratedTime: entry.GetIntegratedTime(),
		LogIndex:       entry.GetLogIndex(),
		LogID:          hex.EncodeToString(l.id),
	})
	if err != nil {
		return nil, fmt.Errorf("encode log entry: %w", err)
	}
	canonical, err := jsoncanonicalizer.Transform(payload)
	if err != nil {
		return nil, fmt.Errorf("encode log entry: %w", err)
	}
	sig, err := l.key.sign(canonical)
	if err != nil {
		return nil, err
	}
	return &rekor.InclusionPromise{SignedEntryTimestamp: sig}, nil
}

// checkpoint is the signed head of the tree.
func (l *Log) checkpoint(head []byte, size uint64) (string, error) {
	if l.version == 1 {
		signed, err := util.CreateAndSignCheckpoint(context.Background(), l.host(), treeID, size, head, l.key.signer)
		if err != nil {
			return "", fmt.Errorf("sign checkpoint: %w", err)
		}
		return string(signed), nil
	}
	signer, err := tilesnote.NewNoteSigner(context.Background(), l.host(), l.key.signer)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	text := util.Checkpoint{Origin: l.host(), Size: size, Hash: head}.String()
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(signed), nil
}

func (l *Log) host() string {
	u, err := url.Parse(l.base)
	if err != nil {
		panic(err) // the bases are constants
	}
	return strings.ToLower(u.Hostname())
}
