// SPDX-License-Identifier: Apache-2.0

// Command vault-transit is the core of HashiCorp Vault with the transit engine and the
// auth methods token, approle and kubernetes, in memory, on a free port of 127.0.0.1. It
// is initialised and unsealed, with nothing mounted. It prints one line of JSON,
//
//	{"address": "https://127.0.0.1:41234", "ca": PEM, "root_token": "hvs.…", "unseal_key": base64}
//
// and ends with its standard input, or by SIGTERM.
//
// Vault is licensed under the MPL-2.0. It is a tool of the tests, in a module of its own;
// no part of it is linked into the product.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the sign, whatever ends it
	}()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "vault-transit:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context) error {
	core, err := newCore()
	if err != nil {
		return err
	}
	defer core.Shutdown()
	unsealKey, rootToken, err := open(ctx, core)
	if err != nil {
		return err
	}
	listener, ca, err := listen()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core}), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer server.Close()
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"address":    "https://" + listener.Addr().String(),
		"ca":         string(ca),
		"root_token": rootToken,
		"unseal_key": unsealKey,
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// newCore makes a sealed Vault that is not initialised.
func newCore() (*vault.Core, error) {
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr})
	memory, err := inmem.NewInmem(nil, log)
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:     memory,
		Logger:       log,
		DisableMlock: true,
		LogicalBackends: map[string]logical.Factory{
			"transit": transit.Factory,
		},
		CredentialBackends: map[string]logical.Factory{
			"approle":    approle.Factory,
			"kubernetes": kubernetes.Factory,
		},
		BuiltinRegistry: noPlugins{},
	})
}

// open initialises and unseals with one key, which it returns in base64.
func open(ctx context.Context, core *vault.Core) (unsealKey, rootToken string, err error) {
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, StoredShares: 1}
	result, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: one, RecoveryConfig: one})
	if err != nil {
		return "", "", fmt.Errorf("initialise: %w", err)
	}
	key := result.SecretShares[0]
	unsealKey = base64.StdEncoding.EncodeToString(key) // Unseal overwrites it
	if _, err := core.Unseal(key); err != nil {
		return "", "", fmt.Errorf("unseal: %w", err)
	}
	return unsealKey, result.RootToken, nil
}
