// SPDX-License-Identifier: Apache-2.0

// Package alibabacloud calls Alibaba Cloud: it gets sessions of RAM identities,
// tokens of Container Registry, and public keys, secrets and signatures of KMS.
//
//	identity (RRSA, access key, assumed role, ECS role) ──▶ Session ──▶ signed call ──▶ answer
//
// Signed calls are made by alibaba-cloud-sdk-go v1.63, the last of its line, and
// nothing else in this repository imports it: it signs clear-text requests unless
// told otherwise, follows redirects with the signed URL as referrer, reads answers
// without a limit, takes no context, panics on error bodies of unexpected types
// and prints session tokens in its errors. Here every call has a client of its
// own over one shared transport that allows none of this, and every error is an
// [Error] made from a status, a code, a message without secrets and a request id.
//
// The SDK's own chain of credentials is not used: it settles on the last provider
// it tried, which may be the role of the node. What identity is used is said by
// configuration.
//
// None of this was run against the live service; test/cloudtest checks the
// signatures of requests as the service documents them.
package alibabacloud
