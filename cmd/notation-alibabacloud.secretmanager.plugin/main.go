// SPDX-License-Identifier: Apache-2.0

// Command notation-alibabacloud.secretmanager.plugin lets the notation command
// line sign with a key in Alibaba Cloud KMS. See package signing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/notaryproject/notation-plugin-framework-go/cli"

	"github.com/opa-ratify/opa-ratify/builtins/signing"
)

// version is set by the linker. Notation wants three numbers.
var version = "1.0.0"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	command, err := cli.New(signing.New(signing.Options{Version: version, Env: os.Getenv}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is under way that stop would end
	}
	command.Execute(ctx, os.Args)
}
