// SPDX-License-Identifier: Apache-2.0

// Package redis shares what is fetched between replicas, through a server that
// speaks the protocol of Redis (Valkey, KeyDB, Dragonfly …).
//
//	Put, Share ──▶ queue ──SET──▶ server ──GETRANGE──▶ hash or MAC ──▶ Get, Recall
//
// A server that is down, slow, full, emptied or poisoned changes how fast an answer
// comes and never which one:
//
//   - Contents are named by their digest. [Client.Get] hashes what it read, and
//     whatever is not exactly what was asked for was never there.
//   - Nothing vouches for what a tag names or which referrers there are: who could
//     write these could hide a revoked image behind its tag, or a signature. To have
//     the registry confirm them (HEAD, If-None-Match) costs the very request that
//     sharing is to save. So they are shared only under a key that the operator gives
//     to all replicas, with an HMAC-SHA256 over key, value and the moment at which the
//     registry was asked. Without [Options].Key they are not shared at all. Who
//     controls the server can then delete them, or give back an older one: it is
//     believed only while it is within its TTL, in which a replica's own memory would
//     have answered so, too. Who has the key can do what a registry can.
//   - No verdict, no policy and no credential goes there.
//   - Nothing waits for it long: one request for [Options].Timeout, and once one has
//     failed nobody asks until a probe in the background has been answered. Writing is
//     done behind the caller's back.
//   - A reply is bounded before memory is taken for it; see guard.
//
// What it cannot keep is a secret: who can read the server reads what was fetched.
// Replicas that share one prefix should reach the same registries with the same
// credentials, for what one may read the others will find.
package redis
