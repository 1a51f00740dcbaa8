// SPDX-License-Identifier: Apache-2.0

// Package rotation keeps the certificates by which Gatekeeper and opa-ratify know each
// other, and loses no request when they change.
//
//	cert-controller ──makes, renews──▶ Secret ──▶ caBundle of the Providers ──▶ Gatekeeper
//	                                     │                  │ trusted for a while?
//	                                     └──────────────────┴──▶ tls.crt, tls.key ──▶ opa-ratify
//	                       Gatekeeper's Secret, ca.crt ──▶ gatekeeper-ca.crt ──────▶ opa-ratify
//
// open-policy-agent/cert-controller decides when a CA or a certificate is renewed, makes
// it, and writes the Providers. This package adds what it leaves out: the former CA stays
// in the bundle for a while; a certificate is served only when the Providers trust its
// CA; the Secret is made where there is none; one Secret is watched, not all of a
// namespace.
//
// Replicas do all this side by side without a leader: writes of the Secret and of the
// Providers carry the version that was read, so one wins, and the others follow it.
package rotation

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Run rotates until ctx ends, or with [Options.Once] until the files are written.
//
// What can be tried again is logged and tried again. The error is non-nil if the options
// are wrong, the API server cannot be asked at the start, or rotation came to an end.
func Run(ctx context.Context, config *rest.Config, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	m, err := newManager(config, o)
	if err != nil {
		return fmt.Errorf("prepare the rotation: %w", err)
	}
	f := &follower{options: o, api: cluster{m.GetAPIReader(), m.GetClient()}, log: ctrl.Log.WithName("files"), done: done}
	if err := f.api.ensureSecret(ctx, o.secret()); err != nil {
		return err
	}
	if err := m.Add(manager.RunnableFunc(f.run)); err != nil {
		return fmt.Errorf("prepare the rotation: %w", err)
	}
	if err := rotator.AddRotator(m, o.rotator()); err != nil {
		return fmt.Errorf("prepare the rotation: %w", err)
	}
	if err := m.Start(ctx); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return nil
}

// newManager makes what cert-controller runs in: a client that keeps former CAs, and
// asks for one Secret only.
func newManager(config *rest.Config, o Options) (manager.Manager, error) {
	config = rest.CopyConfig(config)
	config.Wrap(oneSecret(o.secret()))
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return ctrl.NewManager(config, manager.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		NewClient: func(config *rest.Config, options client.Options) (client.Client, error) {
			c, err := client.NewWithWatch(config, options)
			if err != nil {
				return nil, err
			}
			return interceptor.NewClient(c, interceptor.Funcs{Update: formerCAs{o}.update}), nil
		},
	})
}

// rotator is cert-controller's.
func (o Options) rotator() *rotator.CertRotator {
	r := &rotator.CertRotator{
		SecretKey: o.secret(), CertDir: o.Dir,
		CAName: o.Secret + "-ca." + o.Namespace, CAOrganization: "opa-ratify",
		DNSName: o.DNSNames[0], ExtraDNSNames: o.DNSNames[1:],
		IsReady:        make(chan struct{}),
		FieldOwner:     "opa-ratify-certs",
		CaCertDuration: o.CAValidity, ServerCertDuration: o.Validity,
		LookaheadInterval: o.RenewBefore, RotationCheckFrequency: o.CheckEvery,
	}
	for _, name := range o.Providers {
		r.Webhooks = append(r.Webhooks, rotator.WebhookInfo{Name: name, Type: rotator.ExternalDataProvider})
	}
	return r
}
