// SPDX-License-Identifier: Apache-2.0

// Package aws makes signed calls of AWS for a workload: as the role of its service
// account (IRSA), as that of its EKS pod identity, or with an access key.
//
//	service account token ──▶ STS or the pod identity agent ──▶ temporary key ──▶ signed call
//
// The node's role is not used: what runs on the node shares it. Addresses are made
// from the region alone; no setting sends a signed call elsewhere.
//
// Spec: AWS Signature Version 4; AWS STS API 2011-06-15.
package aws
