// SPDX-License-Identifier: Apache-2.0

package sigstore

import (
	"bytes"
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	rekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// FlipPayload changes one hex digit of a digest inside the payload, so that the payload
// is well-formed, names another manifest, and is not what was signed.
func (sig *Signature) FlipPayload() error {
	payload := bytes.Clone(sig.Payload)
	for _, marker := range []string{`"sha256:`, `"sha256":"`} {
		i := bytes.Index(payload, []byte(marker))
		if i < 0 {
			continue
		}
		digit := &payload[i+len(marker)]
		*digit = map[bool]byte{true: '1', false: '0'}[*digit == '0']
		sig.Payload = payload
		return nil
	}
	return fmt.Errorf("tamper with payload: no digest in it")
}

// FlipSignature changes one bit in the middle of the signature.
func (sig *Signature) FlipSignature() {
	sig.Sig = bytes.Clone(sig.Sig)
	sig.Sig[len(sig.Sig)/2] ^= 1
}

// Truncate keeps the first n bytes of the encoded bundle, or of the payload's blob.
func (sig *Signature) Truncate(n int) error {
	_, raw, err := sig.layer()
	if err != nil {
		return err
	}
	sig.Raw = bytes.Clone(raw[:min(n, len(raw))])
	return nil
}

// EntriesOf takes the log entries of another signature, which prove nothing about this
// one.
func (sig *Signature) EntriesOf(other *Signature) {
	sig.Entries = append([]*rekor.TransparencyLogEntry(nil), other.Entries...)
}

// AttachJunk attaches n bundles by a stranger, each different and well-formed.
func AttachJunk(ctx context.Context, r *registrytest.Registry, repo string, subject ocispec.Descriptor, n int) error {
	stranger, err := NewKey(KeyOptions{})
	if err != nil {
		return err
	}
	for i := range n {
		o := SignOptions{Annotations: map[string]string{"junk": fmt.Sprint(i)}}
		if _, err := stranger.SignAndAttach(ctx, r, repo, subject, o); err != nil {
			return err
		}
	}
	return nil
}
