// SPDX-License-Identifier: Apache-2.0

// Package cloudtest serves the clouds' own host names, so that the unmodified
// binary can be tested with HTTPS_PROXY and SSL_CERT_FILE and needs no settings
// for endpoints.
//
// [Start] starts a proxy that answers CONNECT itself: for a host with a handler it
// speaks TLS with a certificate of its own, signed by an authority made for the
// test. For any other host it answers 502 and remembers that it was asked, so a
// test can show that a host that only looks like a cloud's received nothing.
//
// [Alibaba] is Alibaba Cloud as far as this project uses it. It computes the
// signature of every signed request again, from the documentation and not with
// the SDK. None of it was compared with the live service.
package cloudtest
