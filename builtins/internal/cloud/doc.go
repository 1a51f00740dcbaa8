// SPDX-License-Identifier: Apache-2.0

// Package cloud asks the HTTP interfaces of clouds for what this process needs of
// them: tokens, and public keys.
//
//	credentials/<name>, keys/<name> ──▶ entra, … (an identity's token) ──▶ cloud.Client ──▶ the service
//
// The calls are few and small, so they are written here rather than taken from the
// clouds' development kits, which would add 11 MiB and 56 modules. In return every
// call has a bound on time and size, follows no redirect (threat: a token sent to
// another host), and fails with an [Error] that holds no token, no query and no
// body.
package cloud
