// SPDX-License-Identifier: Apache-2.0

// Package disk keeps content named by its digest in a directory, so that a
// process that restarts need not fetch again what it knew.
//
//	Put ──▶ queue ──▶ incoming/<random> ──rename──▶ sha256/ab/cdef…  ──hash──▶ Get
//
// The directory is a help and never an authority:
//
//   - Nothing in it is trusted. Get hashes what it read; whatever is not exactly
//     what was asked for is removed and was never there. Who can write to the
//     directory can make a process slower, and nothing else. What it cannot keep
//     is a secret: who can read the directory reads what was fetched.
//   - Nothing waits for it. Put hands the bytes to one goroutine and drops them
//     when that is behind; a disk that is full, read-only or broken costs speed.
//   - A file's name is the hash of the caller's key, which says in which
//     repository the digest was read: that a digest is known in one tells
//     nothing about another.
//   - All access goes through [os.Root]: no link in the directory leads out.
//
// Files are not synced. After a crash of the process all renamed files are
// whole; after a crash of the machine some may be short or empty, the hash tells
// and they are fetched again. That is cheaper than syncing each of them.
//
// Several processes may share one directory without a lock: files are only ever
// renamed into place and removed, and each process looks now and then at what
// the others left. Each keeps the whole within its own bounds, give or take what
// the others wrote since it last looked: an eighth of the bound each, or 256 files.
package disk
