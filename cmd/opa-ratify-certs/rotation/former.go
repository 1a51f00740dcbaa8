// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"crypto/x509"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// backdated is by how much cert-controller's certificates begin before they are made
// (CertRotator.refreshCerts), for clocks that are late.
const backdated = time.Hour

// formerCAs keeps, in every update of the Secret, the CAs that Gatekeeper trusts so far:
// cert-controller would replace them at once, while replicas still serve what they
// signed. It reads only the first CA of ca.crt, and writes all of them into Providers.
type formerCAs struct{ options Options }

func (k formerCAs) update(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
	secret, ok := object.(*corev1.Secret)
	if ok && client.ObjectKeyFromObject(secret) == k.options.secret() {
		if err := k.keep(ctx, c, secret, k.options.Now()); err != nil {
			return err
		}
	}
	return c.Update(ctx, object, options...)
}

// keep writes ca.crt: the CA that is first, and former ones while it is young.
func (k formerCAs) keep(ctx context.Context, reader client.Reader, secret *corev1.Secret, now time.Time) error {
	known := parseBundle(secret.Data[caFile])
	if len(known) == 0 {
		return nil
	}
	current, former := known[:1], known[1:]
	if !k.young(current[0], now) {
		secret.Data[caFile] = formatBundle(current)
		return nil
	}
	bundles, err := cluster{reader: reader}.bundles(ctx, k.options.Providers)
	if err != nil {
		return err
	}
	for _, b := range bundles {
		former = append(former, parseBundle(b)...)
	}
	secret.Data[caFile] = formatBundle(withFormer(current, former, now))
	return nil
}

// young says whether a CA has replaced another one lately.
func (k formerCAs) young(ca *x509.Certificate, now time.Time) bool {
	return now.Before(ca.NotBefore.Add(backdated + k.options.Overlap))
}

// outdated says whether ca.crt has former CAs that are not to be trusted any longer.
func (k formerCAs) outdated(secret *corev1.Secret, now time.Time) bool {
	known := parseBundle(secret.Data[caFile])
	return len(known) > 1 && !k.young(known[0], now)
}
