// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"errors"
	"io"
)

// ErrTooLarge says that a body has more bytes than the caller allows.
var ErrTooLarge = errors.New("body exceeds its limit")

// ReadAll reads r to its end, but at most limit bytes: a longer body is
// [ErrTooLarge], with the first limit bytes. Memory grows with what arrives,
// never with what a header declares.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(body)) > limit {
		return body[:limit], ErrTooLarge
	}
	return body, err
}
