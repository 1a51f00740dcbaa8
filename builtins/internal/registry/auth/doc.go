// SPDX-License-Identifier: Apache-2.0

// Package auth answers the authentication challenges of registries.
//
//	401 ──parse──▶ challenge ──realm policy──▶ token server ──▶ token ──cached──▶ Authorization
//
// oras-go's own client is not used for this step: it sends a credential to any
// public realm a registry names, and refuses every realm on a private address,
// which splits of registry and token server in a VPC need. Here the operator
// declares the pairs ([Options.TrustedRealms]) and everything else gets no
// credential. See [realms] for the rules.
//
// A token is asked for once however many requests wait for it, kept until
// shortly before it expires, and renewed ahead of that. Nothing here logs or
// returns a credential or a token except as the value of the header.
//
// Spec: Docker Registry v2 authentication, "Token Authentication" and "OAuth2
// Token Authentication"; RFC 9110, section 11.
package auth
