// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"net"
	"time"
)

// Dial is how a transport with that policy dials.
func Dial(p Policy) func(ctx context.Context, network, address string) (net.Conn, error) {
	return p.Dialer(time.Second)
}
