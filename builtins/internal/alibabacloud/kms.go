// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"encoding/base64"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

// KMSKey is what the key management service says about a key.
type KMSKey struct {
	ID      string
	Spec    string // "RSA_2048", "EC_P256"
	State   string // "Enabled", "Disabled", "PendingDeletion", "PendingImport"
	Usage   string // "SIGN/VERIFY"
	Primary string // the version that is used now; "" where keys have but one
}

// DescribeKey tells about a key, by its id or "alias/…".
//
// Spec: Key Management Service API 2016-01-20, "DescribeKey".
func (c *Client) DescribeKey(ctx context.Context, at Place, id string) (KMSKey, error) {
	request, response := kms.CreateDescribeKeyRequest(), kms.CreateDescribeKeyResponse()
	request.KeyId = id
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return KMSKey{}, err
	}
	m := response.KeyMetadata
	if m.KeyId == "" || m.KeyState == "" {
		return KMSKey{}, &Error{Step: "DescribeKey", Message: "the answer holds no key", RequestID: cleanRequestID(response.RequestId), Retryable: true}
	}
	return KMSKey{ID: m.KeyId, Spec: m.KeySpec, State: m.KeyState, Usage: m.KeyUsage, Primary: m.PrimaryKeyVersion}, nil
}

const (
	versionsPerPage = 100
	maxVersionPages = 10
)

// KeyVersions lists the ids of a key's versions, newest first as far as the
// service says when they were made.
//
// Spec: Key Management Service API 2016-01-20, "ListKeyVersions".
func (c *Client) KeyVersions(ctx context.Context, at Place, id string) ([]string, error) {
	var all []kms.KeyVersion
	for page := 1; page <= maxVersionPages; page++ {
		request, response := kms.CreateListKeyVersionsRequest(), kms.CreateListKeyVersionsResponse()
		request.KeyId = id
		request.PageNumber, request.PageSize = requests.NewInteger(page), requests.NewInteger(versionsPerPage)
		if err := c.do(ctx, at.call(), request, response); err != nil {
			return nil, err
		}
		got := response.KeyVersions.KeyVersion
		all = append(all, got...)
		if len(got) == 0 || len(all) >= response.TotalCount {
			return newestFirst(all), nil
		}
	}
	return nil, problemf("ListKeyVersions", "more than %d versions", maxVersionPages*versionsPerPage)
}

// PublicKey returns the public key of one version, PEM.
//
// Spec: Key Management Service API 2016-01-20, "GetPublicKey".
func (c *Client) PublicKey(ctx context.Context, at Place, id, version string) ([]byte, error) {
	request, response := kms.CreateGetPublicKeyRequest(), kms.CreateGetPublicKeyResponse()
	request.KeyId, request.KeyVersionId = id, version
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return nil, err
	}
	if response.PublicKey == "" {
		return nil, &Error{Step: "GetPublicKey", Message: "the answer holds no key", RequestID: cleanRequestID(response.RequestId), Retryable: true}
	}
	return []byte(response.PublicKey), nil
}

// Sign signs a SHA-256 digest with one version of a key. algorithm is
// RSA_PSS_SHA_256, RSA_PKCS1_SHA_256 or ECDSA_SHA_256.
//
// Spec: Key Management Service API 2016-01-20, "AsymmetricSign".
func (c *Client) Sign(ctx context.Context, at Place, id, version, algorithm string, digest []byte) ([]byte, error) {
	request, response := kms.CreateAsymmetricSignRequest(), kms.CreateAsymmetricSignResponse()
	request.KeyId, request.KeyVersionId, request.Algorithm = id, version, algorithm
	request.Digest = base64.StdEncoding.EncodeToString(digest)
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(response.Value)
	if err != nil || len(signature) == 0 {
		return nil, &Error{Step: "AsymmetricSign", Message: "the answer holds no signature", RequestID: cleanRequestID(response.RequestId), Retryable: true}
	}
	return signature, nil
}
