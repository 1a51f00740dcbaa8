// SPDX-License-Identifier: Apache-2.0

// Command opa-ratify-certs makes, renews and hands out the certificates by which
// Gatekeeper and opa-ratify know each other. It runs beside opa-ratify in every pod, and
// is a program of its own because it may write Secrets and Providers, which a process
// that reads what registries send must not. See package rotation.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify-certs/rotation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, nil)))
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "opa-ratify-certs:", err)
		os.Exit(1) //nolint:gocritic // nothing is under way that stop would end
	}
}

func command() *cobra.Command {
	options := rotation.Defaults()
	c := &cobra.Command{
		Use:   "opa-ratify-certs",
		Short: "Rotate the certificates between Gatekeeper and opa-ratify",
		Long: `Keep a CA and a certificate for opa-ratify in a Secret, renew both before they expire,
write the CA into Gatekeeper's Providers, and certificate, key and the CA of Gatekeeper
into files that opa-ratify reads again when they change.

The cluster is the one of the pod, or the one that $KUBECONFIG names.`,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := options.Validate(); err != nil {
				return err
			}
			config, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("find the API server: %w; run it in a pod, or name a file in KUBECONFIG", err)
			}
			return rotation.Run(c.Context(), config, options)
		},
	}
	flags(c, &options)
	return c
}

func flags(c *cobra.Command, o *rotation.Options) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.Namespace, "namespace", o.Namespace, "namespace of the Secret")
	f.StringVar(&o.Secret, "secret", o.Secret, "Secret with CA, certificate and keys; made if it is not there")
	f.StringSliceVar(&o.DNSNames, "dns-name", o.DNSNames, "names that the certificate is for")
	f.StringSliceVar(&o.Providers, "provider", o.Providers, "Providers whose caBundle is kept")
	f.StringVar(&o.Dir, "dir", o.Dir, "folder for tls.crt, tls.key and gatekeeper-ca.crt")
	f.StringVar(&o.GatekeeperNamespace, "gatekeeper-namespace", o.GatekeeperNamespace, "namespace of Gatekeeper, whose CA is followed; empty: it is not")
	f.StringVar(&o.GatekeeperSecret, "gatekeeper-secret", o.GatekeeperSecret, "Secret there with Gatekeeper's ca.crt")
	f.DurationVar(&o.CAValidity, "ca-validity", o.CAValidity, "validity of a CA")
	f.DurationVar(&o.Validity, "validity", o.Validity, "validity of a certificate")
	f.DurationVar(&o.RenewBefore, "renew-before", o.RenewBefore, "time before their end at which both are renewed")
	f.DurationVar(&o.CheckEvery, "check-every", o.CheckEvery, "time between two looks at what expires")
	f.DurationVar(&o.Interval, "interval", o.Interval, "time between two looks at Secrets and Providers")
	f.DurationVar(&o.Settle, "settle", o.Settle, "time for which Providers have trusted a CA before its certificate is served")
	f.DurationVar(&o.Overlap, "overlap", o.Overlap, "time for which a former CA stays trusted")
	f.BoolVar(&o.Once, "once", o.Once, "end when the files are written")
}
