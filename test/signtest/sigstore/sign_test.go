// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"crypto"
	"fmt"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

func TestCosignVerifiesKeys(t *testing.T) {
	t.Parallel()
	tests := []sigstore.KeyOptions{
		{Kind: signtest.ECP256},
		{Kind: signtest.ECP384},
		{Kind: signtest.ECP384, Hash: crypto.SHA256},
		{Kind: signtest.ECP521},
		{Kind: signtest.ECP521, Hash: crypto.SHA256},
		{Kind: signtest.RSA2048},
		{Kind: signtest.RSA3072},
		{Kind: signtest.RSA4096},
		{Kind: signtest.RSA2048, PSS: true},
		{Kind: signtest.RSA3072, PSS: true, Hash: crypto.SHA384},
		{Kind: sigstore.Ed25519},
	}
	for _, o := range tests {
		t.Run(fmt.Sprintf("%s %s PSS=%t", o.Kind, o.Hash, o.PSS), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, o)
			for _, layout := range sigstore.Layouts() {
				reg, image := registryWithImage(t)
				attach(t, reg, image, sign(t, key, image, sigstore.SignOptions{Layout: layout}))
				if err := verify(t, reg, image, layout, trust{key: key, pss: o.PSS}.options(t)); err != nil {
					t.Errorf("%s: %v", layout, err)
				}
				stranger := newKey(t, sigstore.KeyOptions{})
				if err := verify(t, reg, image, layout, trust{key: stranger}.options(t)); err == nil {
					t.Errorf("%s: verified by another key", layout)
				}
			}
		})
	}
}

// A log entry and a timestamp can be had for a bare key too.
func TestCosignVerifiesKeysWithLogAndTimestamp(t *testing.T) {
	t.Parallel()
	instance := newInstance(t, sigstore.InstanceOptions{})
	key := newKey(t, sigstore.KeyOptions{})
	o := sigstore.SignOptions{Log: instance.Log, TSA: instance.TSA}
	for _, layout := range sigstore.Layouts() {
		demanding := trust{key: key, material: trustedRoot(t, instance, sigstore.TrustedRootOptions{}), log: true, stamp: true}
		reg, image := registryWithImage(t)
		o.Layout = layout
		attach(t, reg, image, sign(t, key, image, o))
		if err := verify(t, reg, image, layout, demanding.options(t)); err != nil {
			t.Errorf("%s: %v", layout, err)
		}

		reg, image = registryWithImage(t)
		attach(t, reg, image, sign(t, key, image, sigstore.SignOptions{Layout: layout}))
		if err := verify(t, reg, image, layout, demanding.options(t)); err == nil {
			t.Errorf("%s: verified without log entry and timestamp", layout)
		}
	}
}

func TestCosignVerifiesCertificates(t *testing.T) {
	t.Parallel()
	yesterday := func() time.Time { return time.Now().Add(-24 * time.Hour) }
	instance := newInstance(t, sigstore.InstanceOptions{Now: yesterday})
	for name, certificate := range map[string]sigstore.CertificateOptions{
		"email":  {},
		"github": sigstore.GitHub("acme/app", "release.yml", "refs/heads/main"),
		"gitlab": sigstore.GitLab("acme/app", "refs/heads/main"),
		"rsa":    {Key: sigstore.KeyOptions{Kind: signtest.RSA2048}},
		"p-384":  {Key: sigstore.KeyOptions{Kind: signtest.ECP384, Hash: crypto.SHA256}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer := certify(t, instance, certificate)
			for _, layout := range sigstore.Layouts() {
				reg, image := registryWithImage(t)
				attach(t, reg, image, sign(t, signer, image, sigstore.SignOptions{Layout: layout}))
				if err := verify(t, reg, image, layout, keyless(t, instance, signer, sigstore.TrustedRootOptions{}).options(t)); err != nil {
					t.Errorf("%s: %v", layout, err)
				}
			}
		})
	}
}

// Rekor v2 has no time of its own, and the time of Rekor v1 needs no timestamp.
func TestCosignVerifiesLogsAndTimestamps(t *testing.T) {
	t.Parallel()
	instance := newInstance(t, sigstore.InstanceOptions{})
	signer := certify(t, instance, sigstore.CertificateOptions{})
	tests := []struct {
		name       string
		sign       sigstore.SignOptions
		log, stamp bool
		rejected   bool
	}{
		{name: "log without timestamp", sign: sigstore.SignOptions{NoTimestamp: true}, log: true},
		{name: "timestamp without log", sign: sigstore.SignOptions{NoLog: true}, stamp: true},
		{name: "log v2 with timestamp", sign: sigstore.SignOptions{Log: instance.LogV2}, log: true, stamp: true},
		{name: "log v2 without timestamp", sign: sigstore.SignOptions{Log: instance.LogV2, NoTimestamp: true}, log: true, rejected: true},
		{name: "missing log entry", sign: sigstore.SignOptions{NoLog: true}, log: true, stamp: true, rejected: true},
		{name: "missing timestamp", sign: sigstore.SignOptions{NoTimestamp: true}, log: true, stamp: true, rejected: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wanted := keyless(t, instance, signer, sigstore.TrustedRootOptions{})
			wanted.log, wanted.stamp = tt.log, tt.stamp
			reg, image := registryWithImage(t)
			attach(t, reg, image, sign(t, signer, image, tt.sign))
			err := verify(t, reg, image, sigstore.Bundle, wanted.options(t))
			if (err != nil) != tt.rejected {
				t.Errorf("rejected: got %v, want %t", err, tt.rejected)
			}
		})
	}
}
