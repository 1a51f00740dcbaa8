// SPDX-License-Identifier: Apache-2.0

// Package fair shares a bounded number of places between keys, so that one key
// that is slow cannot keep the others waiting. A place is the right to be at
// work, a request or a verification; a key is the registry it is about.
//
//	Enter(key) ──▶ a place is free and the key may have it? ──▶ in
//	                     └─ no ─▶ the key's own queue, first in first out
//	Leave(key) ──▶ the next key in turn that may have a place ──▶ its first waiter
//
// The rule of a key: up to half of all places it may have as long as any is free;
// beyond half, and up to its own limit, only while a quarter of all places stays
// free. So a key alone gets three quarters, no key ever holds all, and a key that
// was idle finds a place though another one hangs.
package fair
