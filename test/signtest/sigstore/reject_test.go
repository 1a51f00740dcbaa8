// SPDX-License-Identifier: Apache-2.0

package sigstore_test

import (
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// forger makes what must not be verified: instance and signer are trusted, other is a
// Sigstore that is not, and elsewhere is another image.
type forger struct {
	*testing.T

	instance, other *sigstore.Instance
	signer          *sigstore.Signer
	elsewhere       ocispec.Descriptor
	layout          sigstore.Layout
}

func (f forger) sign(image ocispec.Descriptor, signer *sigstore.Signer, o sigstore.SignOptions) *sigstore.Signature {
	o.Layout = f.layout
	return sign(f.T, signer, image, o)
}

func (f forger) certified(image ocispec.Descriptor, o sigstore.CertificateOptions) *sigstore.Signature {
	return f.sign(image, certify(f.T, f.instance, o), sigstore.SignOptions{})
}

// forgeries each fail one check of whoever trusts instance and signer.
func forgeries() map[string]func(f forger, image ocispec.Descriptor) *sigstore.Signature {
	return map[string]func(f forger, image ocispec.Descriptor) *sigstore.Signature{
		"other digest": func(f forger, _ ocispec.Descriptor) *sigstore.Signature {
			return f.sign(f.elsewhere, f.signer, sigstore.SignOptions{})
		},
		"other identity": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{Identity: "dev@acme.example"})
		},
		"other issuer": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{Issuer: "https://accounts.evil.example"})
		},
		"certificate over before signing": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{NotBefore: time.Now().Add(-time.Hour)})
		},
		"certificate begins after signing": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{NotBefore: time.Now().Add(time.Hour)})
		},
		"no certificate timestamp": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{NoSCT: true})
		},
		"certificate timestamp by another log": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.certified(image, sigstore.CertificateOptions{SCTBy: f.other})
		},
		"another certificate authority": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			stranger := certify(f.T, f.other, sigstore.CertificateOptions{SCTBy: f.instance})
			return f.sign(image, stranger, sigstore.SignOptions{Log: f.instance.Log, TSA: f.instance.TSA})
		},
		"another log": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{Log: f.other.Log})
		},
		"logged too late": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{At: time.Now().Add(time.Hour)})
		},
		"no log entry": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{NoLog: true})
		},
		"log entry of something else": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(image, f.signer, sigstore.SignOptions{})
			sig.EntriesOf(f.sign(f.elsewhere, f.signer, sigstore.SignOptions{}))
			return sig
		},
		"flipped payload": func(f forger, _ ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(f.elsewhere, f.signer, sigstore.SignOptions{})
			if err := sig.FlipPayload(); err != nil {
				f.Fatal(err)
			}
			return sig
		},
		"flipped signature": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(image, f.signer, sigstore.SignOptions{})
			sig.FlipSignature()
			return sig
		},
		"truncated": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(image, f.signer, sigstore.SignOptions{})
			if err := sig.Truncate(100); err != nil {
				f.Fatal(err)
			}
			return sig
		},
		"empty": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(image, f.signer, sigstore.SignOptions{})
			sig.Raw = []byte("{}")
			return sig
		},
		"malformed payload": func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{Payload: []byte("{}")})
		},
	}
}

func TestCosignRejectsForgeries(t *testing.T) {
	t.Parallel()
	for _, layout := range []sigstore.Layout{sigstore.Bundle, sigstore.Tag} {
		for name, forge := range forgeries() {
			t.Run(string(layout)+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newForger(t, layout)
				wanted := keyless(t, f.instance, f.signer, sigstore.TrustedRootOptions{})
				wanted.stamp = false // the log's time will do; see TestCosignRejectsTimestamps
				reg, image := registryWithImage(t)
				attach(t, reg, image, forge(f, image))
				if err := verify(t, reg, image, layout, wanted.options(t)); err == nil {
					t.Error("verified")
				}
			})
		}
	}
}

// cosign v2.6.5 panics (index out of range in VerifyRFC3161Timestamp) when no timestamp
// of a signature under a tag is good, so that only bundles can be judged.
func TestCosignRejectsTimestamps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		forge func(f forger, image ocispec.Descriptor) *sigstore.Signature
	}{
		{name: "another authority", forge: func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{TSA: f.other.TSA})
		}},
		{name: "of something else", forge: func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			sig := f.sign(image, f.signer, sigstore.SignOptions{})
			sig.Timestamps = f.sign(f.elsewhere, f.signer, sigstore.SignOptions{}).Timestamps
			return sig
		}},
		{name: "missing", forge: func(f forger, image ocispec.Descriptor) *sigstore.Signature {
			return f.sign(image, f.signer, sigstore.SignOptions{NoTimestamp: true})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newForger(t, sigstore.Bundle)
			wanted := keyless(t, f.instance, f.signer, sigstore.TrustedRootOptions{})
			reg, image := registryWithImage(t)
			attach(t, reg, image, tt.forge(f, image))
			if err := verify(t, reg, image, f.layout, wanted.options(t)); err == nil {
				t.Error("verified")
			}
		})
	}
}

func TestCosignRejectsWhatTheTrustedRootLacks(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Hour)
	for name, o := range map[string]sigstore.TrustedRootOptions{
		"everything over":              {ValidUntil: past},
		"certificate authority over":   {CAUntil: past},
		"no timestamping authority":    {NoTSA: true},
		"no transparency log":          {NoLog: true},
		"no certificate timestamp log": {NoCTLog: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForger(t, sigstore.Bundle)
			reg, image := registryWithImage(t)
			attach(t, reg, image, f.sign(image, f.signer, sigstore.SignOptions{}))
			if err := verify(t, reg, image, f.layout, keyless(t, f.instance, f.signer, o).options(t)); err == nil {
				t.Error("verified")
			}
		})
	}
}

func newForger(t *testing.T, layout sigstore.Layout) forger {
	t.Helper()
	instance := newInstance(t, sigstore.InstanceOptions{})
	reg, _ := registryWithImage(t)
	elsewhere, err := reg.PushImage(t.Context(), "app", "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	return forger{
		T:         t,
		instance:  instance,
		other:     newInstance(t, sigstore.InstanceOptions{}),
		signer:    certify(t, instance, sigstore.CertificateOptions{}),
		elsewhere: elsewhere,
		layout:    layout,
	}
}
