// SPDX-License-Identifier: Apache-2.0

// Package azurekeyvault is the key provider of Azure Key Vault and of Managed HSM:
// certificates with their chain, and public keys.
//
//	certificates ──GET /secrets/NAME/VERSION──▶ PEM or PKCS#12 ──▶ chain
//	keys         ──GET /keys/NAME/VERSION─────▶ JSON web key  ──▶ public key
//
// A certificate is read as the secret that the service keeps with it: only that has
// the chain. If its key is exportable the private key comes along, and is dropped
// while the answer is read. The identity needs the role Key Vault Secrets User for
// certificates and Key Vault Crypto User (or a role with keys/read) for keys.
//
// A version that the service says is disabled, deleted or expired counts as gone at
// once. One that could not be seen (no access, no answer) stays as it was.
//
// Spec: Azure Key Vault REST API 7.4.
package azurekeyvault
