// SPDX-License-Identifier: Apache-2.0

// Package outbound is the one door to the network: a guarded HTTP transport for
// registries, token servers, revocation responders and cloud services.
//
// Much of what this process asks is named by strangers: an image reference by
// whoever creates a pod, a token realm or a redirect by a registry, a
// revocation URL by whoever made a certificate. The guard therefore looks at
// the address that is really dialled, after DNS (threat: server-side request
// forgery, DNS rebinding). Cloud metadata and link-local addresses are refused
// always; [Policy.Public] refuses everything that is not on the public internet
// unless the operator named it.
//
// HTTPS_PROXY and NO_PROXY are honoured. A proxy resolves names itself, so for a
// proxied request the guard sees only literal addresses and well-known metadata
// names; the rest is the proxy's to refuse.
package outbound
