// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// follower brings what is in the cluster into the files. It must not be shared.
type follower struct {
	options Options
	api     cluster
	log     logr.Logger
	done    func()

	// pending is a certificate that is not served yet, and since when it could be.
	pending []byte
	since   time.Time
	// replaced is when Gatekeeper's CA was last seen to be another one.
	replaced time.Time
}

// run looks at the cluster until ctx ends.
func (f *follower) run(ctx context.Context) error {
	tick := time.NewTicker(f.options.Interval)
	defer tick.Stop()
	for {
		complete, err := f.step(ctx, f.options.Now())
		if err != nil && ctx.Err() == nil {
			f.log.Error(err, "tried again", "in", f.options.Interval.String())
		}
		if f.options.Once && complete {
			f.done()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// step writes the files that are due, and says whether all are there.
func (f *follower) step(ctx context.Context, now time.Time) (complete bool, err error) {
	err = errors.Join(f.followOwn(ctx, now), f.followGatekeeper(ctx, now))
	dir := folder(f.options.Dir)
	complete = err == nil && dir.has(keyFile) && dir.has(certificateFile)
	if f.options.GatekeeperNamespace != "" {
		complete = complete && dir.has(gatekeeperCAFile)
	}
	return complete, err
}

// followOwn makes the Secret again if it was deleted, drops former CAs that are due, and
// serves the certificate.
func (f *follower) followOwn(ctx context.Context, now time.Time) error {
	secret, err := f.api.secret(ctx, f.options.secret())
	if apierrors.IsNotFound(err) {
		f.log.Info("the Secret is gone and made again", "secret", f.options.secret().String())
		return f.api.ensureSecret(ctx, f.options.secret())
	}
	if err != nil {
		return err
	}
	if (formerCAs{f.options}).outdated(secret, now) {
		f.log.Info("former CAs are no longer trusted")
		// The client drops them; another replica may have been faster.
		if err := f.api.writer.Update(ctx, secret.DeepCopy()); err != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("drop former CAs from Secret %s: %w", f.options.secret(), err)
		}
	}
	return f.serve(ctx, secret, now)
}

// serve writes certificate and key when Gatekeeper will accept them.
func (f *follower) serve(ctx context.Context, secret *corev1.Secret, now time.Time) error {
	dir, next := folder(f.options.Dir), secret.Data[certificateFile]
	served := dir.read(certificateFile)
	if len(next) == 0 || bytes.Equal(served, next) {
		return nil
	}
	bundles, err := f.api.bundles(ctx, f.options.Providers)
	if err != nil {
		return err
	}
	accepted := func(certificate []byte) bool {
		return !slices.ContainsFunc(bundles, func(b []byte) bool { return !trusts(b, certificate, now) })
	}
	if !accepted(next) {
		f.pending = nil
		return nil
	}
	if !bytes.Equal(f.pending, next) {
		f.pending, f.since = next, now
	}
	if now.Before(f.since.Add(f.options.Settle)) && accepted(served) {
		return nil // there is no hurry: what is served is good
	}
	f.log.Info("the certificate is served", "until", parseBundle(next)[0].NotAfter)
	// The key first: OPA tries again, within 100 ms, as long as they are no pair.
	return errors.Join(dir.write(keyFile, secret.Data[keyFile]), dir.write(certificateFile, next))
}

// followGatekeeper writes the CA of Gatekeeper's certificate, and for a while the one
// before it: Gatekeeper shows the former certificate until its pods see the new one.
func (f *follower) followGatekeeper(ctx context.Context, now time.Time) error {
	if f.options.GatekeeperNamespace == "" {
		return nil
	}
	secret, err := f.api.secret(ctx, f.options.gatekeeper())
	if err != nil {
		return err
	}
	current := parseBundle(secret.Data[caFile])
	if len(current) == 0 {
		return fmt.Errorf("read Gatekeeper's CA: Secret %s has no certificate in %s: Gatekeeper writes it when it starts", f.options.gatekeeper(), caFile)
	}
	dir := folder(f.options.Dir)
	text := dir.read(gatekeeperCAFile)
	known := parseBundle(text)
	if f.replaced.IsZero() || len(known) > 0 && !known[0].Equal(current[0]) {
		f.replaced = now
	}
	if now.Before(f.replaced.Add(f.options.Overlap)) {
		current = withFormer(current, known, now)
	}
	if next := formatBundle(current); !bytes.Equal(text, next) {
		f.log.Info("Gatekeeper's CA is written", "certificates", len(current))
		return dir.write(gatekeeperCAFile, next)
	}
	return nil
}
