// SPDX-License-Identifier: Apache-2.0

// Package evidence keeps what was fetched, so that nothing known is fetched
// twice, and lets concurrent questions share one answer.
//
// Three kinds of facts have three lifetimes:
//
//   - Content named by its digest never changes. It is kept until the memory
//     given to it is full (least recently used goes first).
//   - What a tag names, and which referrers a subject has, changes. It is
//     believed for a TTL, and given once more after that to those who say by
//     [Freshness] that it will do.
//   - A failure is kept for a moment only, so that a registry in trouble is not
//     asked a thousand times a second, and is asked again as soon as it recovers.
//
// No verdict and no policy is kept here. Every bound is set by [Options];
// nothing grows with what strangers ask for.
package evidence
