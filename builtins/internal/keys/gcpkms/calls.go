// SPDX-License-Identifier: Apache-2.0

package gcpkms

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// codeContent is ours: the key was seen, and is not what was asked for.
const codeContent = "unusable"

// publicKey returns a version as PEM. An error that is no statement about it leaves
// the last good key in force.
//
// Spec: Cloud KMS, "Verifying end-to-end data integrity", for the checksum.
func (s *Source) publicKey(ctx context.Context, k Key, number int) ([]byte, error) {
	step := fmt.Sprintf("get public key of version %d of %q", number, k.Name)
	name := k.ID + "/cryptoKeyVersions/" + strconv.Itoa(number)
	var answer struct {
		Name     string `json:"name"`
		PEM      string `json:"pem"`
		Checksum string `json:"pemCrc32c"`
	}
	if err := s.get(ctx, step, name+"/publicKey", &answer); err != nil {
		return nil, err
	}
	sum := crc32.Checksum([]byte(answer.PEM), crc32.MakeTable(crc32.Castagnoli))
	block, _ := pem.Decode([]byte(answer.PEM))
	switch {
	case answer.Name != name:
		return nil, &keys.Error{Step: step, Message: "the answer is another key", Retryable: true}
	case answer.Checksum != strconv.FormatUint(uint64(sum), 10):
		return nil, &keys.Error{Step: step, Message: "the key does not have the checksum that came with it", Retryable: true}
	case block == nil || block.Type != "PUBLIC KEY":
		return nil, &keys.Error{Step: step, Code: codeContent, Message: "the answer is not a public key in PEM"}
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return nil, &keys.Error{Step: step, Code: codeContent, Message: "the key's type cannot verify signatures here; expected RSA or a NIST curve"}
	}
	return pem.EncodeToMemory(block), nil
}

// get asks the service, at its one address.
func (s *Source) get(ctx context.Context, step, path string, into any) error {
	token, err := s.identity.Token(ctx)
	if err != nil {
		return asError(err)
	}
	req, err := cloud.Get(ctx, "https://cloudkms.googleapis.com/v1/"+path)
	if err != nil {
		return &keys.Error{Step: step, Message: "the key makes no URL"}
	}
	req.Header.Set("Authorization", "Bearer "+token.Value)
	err = s.client.JSON(step, req, google.Explain, into)
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Code == "UNAUTHENTICATED" {
		s.identity.Refused(token)
	}
	return asError(err)
}

// asError makes an error of a call one of the key providers'. What the service says
// about the key is final, everything else may pass.
func asError(err error) error {
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		return err
	}
	k := *e
	k.Retryable = !slices.Contains([]string{"NOT_FOUND", "FAILED_PRECONDITION"}, e.Code)
	return &k
}
