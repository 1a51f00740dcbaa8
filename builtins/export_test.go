// SPDX-License-Identifier: Apache-2.0

package builtins

// ParseObject is parseObject, for its fuzz target.
var ParseObject = parseObject
