// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-openapi/runtime"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/protobuf/encoding/protojson"
)

// answerEntryV1 logs what Rekor's own library accepts.
func (l *Log) answerEntryV1(req *http.Request, body []byte) (*answer, error) {
	proposed, err := models.UnmarshalProposedEntry(bytes.NewReader(body), runtime.JSONConsumer())
	if err != nil {
		return nil, fmt.Errorf("read proposed entry: %w", err)
	}
	entry, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return nil, fmt.Errorf("read proposed entry: %w", err)
	}
	canonical, err := types.CanonicalizeEntry(context.WithoutCancel(req.Context()), entry)
	if err != nil {
		return nil, fmt.Errorf("verify proposed entry: %w", err)
	}
	logged, err := l.append(canonical, proposed.Kind(), entry.APIVersion(), time.Time{})
	if err != nil {
		return nil, err
	}
	uuid := hex.EncodeToString(rfc6962.DefaultHasher.HashLeaf(canonical))
	raw, err := json.Marshal(map[string]any{uuid: entryV1(logged)})
	return &answer{status: http.StatusCreated, contentType: "application/json", etag: uuid, body: raw}, err
}

// entryV1 is a log entry as Rekor v1 writes it.
func entryV1(entry *rekor.TransparencyLogEntry) map[string]any {
	proof := entry.GetInclusionProof()
	hashes := []string{}
	for _, hash := range proof.GetHashes() {
		hashes = append(hashes, hex.EncodeToString(hash))
	}
	return map[string]any{
		"body":           base64.StdEncoding.EncodeToString(entry.GetCanonicalizedBody()),
		"integratedTime": entry.GetIntegratedTime(),
		"logID":          hex.EncodeToString(entry.GetLogId().GetKeyId()),
		"logIndex":       entry.GetLogIndex(),
		"verification": map[string]any{
			"signedEntryTimestamp": entry.GetInclusionPromise().GetSignedEntryTimestamp(),
			"inclusionProof": map[string]any{
				"checkpoint": proof.GetCheckpoint().GetEnvelope(),
				"hashes":     hashes,
				"logIndex":   proof.GetLogIndex(),
				"rootHash":   hex.EncodeToString(proof.GetRootHash()),
				"treeSize":   proof.GetTreeSize(),
			},
		},
	}
}

// answerEntryV2 logs what it is given; clients verify what they get.
func (l *Log) answerEntryV2(_ *http.Request, body []byte) (*answer, error) {
	var request tiles.CreateEntryRequest
	if err := protojson.Unmarshal(body, &request); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	canonical, kind, version, err := encodeV2(requestedV2(&request))
	if err != nil {
		return nil, err
	}
	logged, err := l.append(canonical, kind, version, time.Time{})
	if err != nil {
		return nil, err
	}
	raw, err := protojson.Marshal(logged)
	return &answer{status: http.StatusCreated, contentType: "application/json", body: raw}, err
}

func requestedV2(request *tiles.CreateEntryRequest) *tiles.Entry {
	if blob := request.GetHashedRekordRequestV002(); blob != nil {
		return hashedRekordV2(hashOutput(blob.GetDigest()), blob.GetSignature())
	}
	envelope := request.GetDsseRequestV002()
	signed := &tiles.Signature{}
	for _, sig := range envelope.GetEnvelope().GetSignatures() {
		signed.Content = sig.GetSig()
	}
	for _, verifier := range envelope.GetVerifiers() {
		signed.Verifier = verifier
	}
	return dsseV2(envelope.GetEnvelope().GetPayload(), signed)
}

// hashOutput is a digest with the algorithm that its length tells.
func hashOutput(digest []byte) *common.HashOutput {
	algorithms := map[int]common.HashAlgorithm{
		32: common.HashAlgorithm_SHA2_256,
		48: common.HashAlgorithm_SHA2_384,
		64: common.HashAlgorithm_SHA2_512,
	}
	return &common.HashOutput{Algorithm: algorithms[len(digest)], Digest: digest}
}
