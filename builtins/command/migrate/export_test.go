// SPDX-License-Identifier: Apache-2.0

package migrate

// Convert lets tests migrate without files.
var Convert = convert //nolint:gochecknoglobals // a function
