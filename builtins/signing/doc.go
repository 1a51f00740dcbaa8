// SPDX-License-Identifier: Apache-2.0

// Package signing is the Notation plugin "alibabacloud.secretmanager.plugin":
// signatures by a key in Alibaba Cloud Key Management Service.
//
//	notation sign --id key-hzz… --plugin alibabacloud.secretmanager.plugin \
//	  --plugin-config output_cert_dir=/root registry/repository@sha256:…
//
// Name, environment variables and settings are those of the plugin that the
// vendor's guide installs. This one does some things otherwise:
//
//   - It makes one self-signed certificate per key and uses it while it fits, in
//     place of one per signature: <output_cert_dir>/<key id>.crt, with a copy in
//     signer.crt. A verifier that trusts the key itself needs none of them.
//   - EC_P256 works. RSA_3072 is refused with the reason: the Notary Project
//     demands SHA-384 for such keys, and KMS signs with SHA-256 only.
//   - Every signature is verified before it is returned.
//   - TLS is always verified. ALIBABA_CLOUD_KMS_CA_FILEPATH adds the authority of
//     a dedicated instance.
//   - It does not offer to verify signatures: who can check them is the verifier.
//
// Requests are signed with the access key or session of the identity; the client
// key of an application access point (ALIBABA_CLOUD_KMS_CLIENTKEY_FILEPATH) is not
// needed and not read. Whether the gateway of a dedicated instance takes such
// requests is not documented: kms_endpoint=shared asks the region's own gateway.
// Nothing here was run against the live service.
//
// Spec: Notary Project, plugin extensibility v1.0, "SIGNATURE_GENERATOR.RAW".
package signing
