// SPDX-License-Identifier: Apache-2.0

package alibabacloud

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

// Secret is one version of a secret.
type Secret struct {
	Version string
	Data    []byte
}

// Secret returns a version of a secret; "" is the one staged as current.
//
// Spec: Key Management Service API 2016-01-20, "GetSecretValue".
func (c *Client) Secret(ctx context.Context, at Place, name, version string) (Secret, error) {
	request, response := kms.CreateGetSecretValueRequest(), kms.CreateGetSecretValueResponse()
	request.SecretName, request.VersionId = name, version
	if version == "" {
		request.VersionStage = "ACSCurrent"
	}
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return Secret{}, err
	}
	data := []byte(response.SecretData)
	if response.SecretDataType == "binary" {
		decoded, err := base64.StdEncoding.DecodeString(response.SecretData)
		if err != nil {
			return Secret{}, problemf("GetSecretValue", "the secret is binary and not base64")
		}
		data = decoded
	}
	return Secret{Version: response.VersionId, Data: data}, nil
}

// Certificate returns a certificate of KMS and its chain, PEM, the certificate
// first.
//
// Spec: Key Management Service API 2016-01-20, "GetCertificate".
func (c *Client) Certificate(ctx context.Context, at Place, id string) ([]byte, error) {
	request, response := kms.CreateGetCertificateRequest(), kms.CreateGetCertificateResponse()
	request.CertificateId = id
	if err := c.do(ctx, at.call(), request, response); err != nil {
		return nil, err
	}
	chain := strings.TrimSpace(response.Certificate) + "\n" + strings.TrimSpace(response.CertificateChain)
	if strings.TrimSpace(response.Certificate) == "" {
		return nil, &Error{Step: "GetCertificate", Message: "the answer holds no certificate", RequestID: cleanRequestID(response.RequestId), Retryable: true}
	}
	return []byte(strings.TrimSpace(chain) + "\n"), nil
}

func newestFirst(versions []kms.KeyVersion) []string {
	slices.SortStableFunc(versions, func(a, b kms.KeyVersion) int { return strings.Compare(b.CreationDate, a.CreationDate) })
	ids := make([]string, 0, len(versions))
	for _, v := range versions {
		ids = append(ids, v.KeyVersionId)
	}
	return ids
}
