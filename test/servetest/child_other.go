// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package servetest

import "syscall"

// Child is a process that does not hear of Ctrl-C, which is for whoever started it.
func Child() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
