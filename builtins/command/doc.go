// SPDX-License-Identifier: Apache-2.0

// Package command has the commands for a person at a terminal, beside OPA's own:
// what is this image, what is attached to it, may it run and why, and keep what
// was seen for a test.
//
//	arguments ──▶ service (as the built-ins use it) ──▶ answer ──▶ table, tree, JSON, picture
//	         └──▶ policy (as the server evaluates it) ──┘
//
// Nothing is decided here. The exit code is the verdict: 0 verified, 1 rejected,
// 2 could not tell.
package command
