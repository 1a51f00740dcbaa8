// SPDX-License-Identifier: Apache-2.0

package plugin

// KeysStatus is what the key providers make of the plugin's status.
var KeysStatus = keysStatus //nolint:gochecknoglobals // for tests
