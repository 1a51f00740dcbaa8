// SPDX-License-Identifier: Apache-2.0

// Package entra gets tokens of Microsoft Entra ID for a workload: by the service
// account token of its pod (workload identity, also through the token proxy of an
// AKS identity binding), or by the identity of the machine it runs on.
//
// The machine's identity is used only if it is configured: it is the node's, and
// what runs there shares it.
//
// Spec: OAuth 2.0 client credentials flow with a federated credential, Microsoft
// identity platform v2.0; "How to use managed identities to acquire an access
// token", api-version 2018-02-01.
package entra
