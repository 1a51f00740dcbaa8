// SPDX-License-Identifier: Apache-2.0

// Package cloud asks the HTTP interfaces of clouds for what this process needs of
// them: tokens, and public keys.
//
//	credentials/<name>, keys/<name> ──▶ entra, … (an identity's token) ──▶ cloud.Client ──▶ the service
//	                                        │
//	                                    package lease keeps it
//
// The calls are few and small, so they are written here rather than taken from the
// clouds' development kits. What opa-ratify is smaller without each provider, and
// what it would be larger by with the kit in the provider's place (linux/amd64,
// -trimpath -ldflags "-s -w"; the whole is 54.0 MiB and 161 modules):
//
//	                                     ours                   the kit
//	Azure: registries and Key Vault      280 KiB,  1 module     1.28 MiB,  9 modules
//	AWS: ECR and KMS                     124 KiB,  none         3.83 MiB, 17 modules
//	Google: registries and KMS            96 KiB,  none         2.44 MiB, 12 modules
//	these three together                 520 KiB,  1 module     7.35 MiB, 38 modules
//	HashiCorp Vault's transit engine      28 KiB,  none         not measured
//	Alibaba Cloud: registries and KMS    (by its kit)           1.77 MiB,  6 modules
//
// The one module is go-pkcs12. Kits: azidentity v1.14.0, azkeys and azsecrets v1.5.0;
// aws-sdk-go-v2's config v1.33.15, ecr v1.55.3, ecrpublic v1.38.10, kms v1.53.4;
// cloud.google.com/go/kms v1.31.0 with golang.org/x/oauth2 v0.37.0; alibaba-cloud-sdk-go
// v1.63.107. Each was measured by leaving out its line in
// builtins/internal/service/clouds.go and cloudkeys.go.
//
// Size is the smaller reason. Every call here has a bound on time and size, follows
// no redirect (threat: a token sent to another host), never takes the node's identity
// because the pod's is missing, as the kits' default chains do, and fails with an
// [Error] that holds no token, no query and no body. What the kits know better is
// whether we speak as the services want: test/cloudtest/sdk has them talk to the
// stand-ins that our calls are tested with.
//
// Alibaba Cloud is asked by its kit, which its users chose, behind the guard of
// package alibabacloud; the one call that the kit would put a token into a query for
// is written there too.
package cloud
