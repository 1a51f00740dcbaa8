// SPDX-License-Identifier: Apache-2.0

// Package health remembers how one registry has been answering, so that an outage
// costs its first requests their time and not every request.
//
//	sound ──5 failures in a row, or Retry-After──▶ guarded ──an answer──▶ sound
//
// A sound registry is asked by everybody. A guarded one is asked by one request
// at a time, the probe; the others wait for what becomes of it. A probe that
// fails, or is not answered within a few times the usual, is followed by a pause
// of 100 ms to 5 s, longer each time, and not before the registry's own
// Retry-After is over. Those who come in a pause wait for its end if it is near
// and their time allows, else they are refused at once ([Refusal]).
//
// The first probe is let through without a pause, and its answer lets everybody
// in: a registry that is back is asked as before by the first request after.
//
// What is said here about time is measured with the process's own monotonic
// clock: these are pauses, not lifetimes.
package health
