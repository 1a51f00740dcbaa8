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
// Package lease keeps a token: it is asked for once however many requests wait for it,
// renewed ahead of its end, and used through an outage of its server. Nothing here logs or
// returns a credential or a token except as the value of the header.
//
// Spec: Docker Registry v2 authentication, "Token Authentication" and "OAuth2
// Token Authentication"; RFC 9110, section 11.
package auth
