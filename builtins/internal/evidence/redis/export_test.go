// SPDX-License-Identifier: Apache-2.0

package redis

import "net"

// ErrReply is what the guard says.
var ErrReply = errReply

// NewGuard is the guard before the library.
func NewGuard(c net.Conn, maxValue int64) net.Conn { return &guard{Conn: c, maxValue: maxValue} }

// ProbeEvery is how often a server that does not answer is asked again.
const ProbeEvery = probeEvery
