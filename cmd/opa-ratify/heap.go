// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime/debug"
)

// heapFloor is what a server's heap is taken to hold at least, in bytes, when the
// garbage collector decides when to run. It is never written to, so it takes no
// memory; but without it a heap of some 20 MB is collected many times a second.
const heapFloor = 64 << 20

// ballast is the floor.
var ballast []byte //nolint:gochecknoglobals,unused // as long as the process, for its size alone

// easeCollector makes the garbage collector of a server run less often, unless the
// operator decides: GOGC is left alone. Under a memory limit (GOMEMLIMIT) the
// limit is what counts, and the collector may wait until it comes near.
func easeCollector() {
	switch {
	case os.Getenv("GOGC") != "":
	case os.Getenv("GOMEMLIMIT") != "":
		debug.SetGCPercent(400)
	default:
		ballast = make([]byte, heapFloor)
	}
}
