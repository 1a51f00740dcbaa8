// SPDX-License-Identifier: Apache-2.0

// Image puts opa-ratify into a container image, and pushes that, without a
// container engine. `make image` and `make image-push` call it.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/opa-ratify/opa-ratify/cmd/image/layout"
)

func main() { os.Exit(run()) }

// run returns the process's exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := layout.Command().ExecuteContext(ctx); err != nil {
		return 1
	}
	return 0
}
