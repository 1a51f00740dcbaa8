// SPDX-License-Identifier: Apache-2.0

package servetest

import "syscall"

// Child is a process that does not hear of Ctrl-C, which is for whoever started it,
// and that ends when its parent does.
func Child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
