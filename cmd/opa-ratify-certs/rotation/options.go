// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Options say whose certificates are rotated, and when.
type Options struct {
	// Namespace and Secret name where CA, certificate and keys are kept. The Secret is
	// made if it is not there. Required.
	Namespace, Secret string
	// DNSNames are those of the Service; the first is the common name, too. Required.
	DNSNames []string
	// Providers are Gatekeeper's, whose caBundle is kept. One that is not there is left
	// out until it is. Required.
	Providers []string
	// Dir is where tls.crt, tls.key and gatekeeper-ca.crt are written. Required.
	Dir string
	// GatekeeperNamespace and GatekeeperSecret name the Secret whose ca.crt is followed.
	// An empty namespace: none is.
	GatekeeperNamespace, GatekeeperSecret string

	// CAValidity and Validity are how long a CA and a certificate are good for.
	CAValidity, Validity time.Duration
	// RenewBefore is the time before their end at which both are renewed.
	RenewBefore time.Duration
	// CheckEvery is the time between two looks at what expires.
	CheckEvery time.Duration

	// Interval is the time between two looks at Secrets and Providers.
	Interval time.Duration
	// Settle is for how long Providers have trusted a CA before what it signed is
	// served: Gatekeeper must have seen them.
	Settle time.Duration
	// Overlap is for how long a former CA, ours or Gatekeeper's, stays trusted beside
	// the one that replaced it.
	Overlap time.Duration
	// Once ends when the files are written. False: go on until the context ends.
	Once bool
	// Now is the clock by which former CAs are dropped. Nil: time.Now.
	Now func() time.Time
}

// Defaults are the validities of Ratify and of Gatekeeper itself.
func Defaults() Options {
	const day = 24 * time.Hour
	return Options{
		GatekeeperSecret: "gatekeeper-webhook-server-cert",
		CAValidity:       10 * 365 * day, Validity: 365 * day, RenewBefore: 90 * day, CheckEvery: 12 * time.Hour,
		Interval: 10 * time.Second, Settle: 10 * time.Second, Overlap: time.Hour,
	}
}

// Validate says what is missing, and which times would lose requests.
func (o Options) Validate() error {
	var errs []error
	demand := func(fine bool, format string, args ...any) {
		if !fine {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	demand(o.Namespace != "" && o.Secret != "", "no Secret is named: give --namespace and --secret")
	demand(len(o.DNSNames) > 0, "no name for the certificate: give --dns-name ratify.gatekeeper-system")
	demand(len(o.Providers) > 0, "no Provider is named: give --provider ratify-provider")
	demand(o.Dir != "", "no folder for the files: give --dir")
	demand(o.Interval > 0 && o.CheckEvery > 0, "--interval %v and --check-every %v must be above 0", o.Interval, o.CheckEvery)
	demand(o.Settle >= 0, "--settle %v is below 0", o.Settle)
	demand(o.Validity <= o.CAValidity, "--validity %v is beyond --ca-validity %v: a certificate is no longer good than its CA", o.Validity, o.CAValidity)
	demand(o.RenewBefore < o.Validity, "--renew-before %v is not below --validity %v: certificates would be renewed all the time", o.RenewBefore, o.Validity)
	switched := o.Settle + 2*o.Interval
	demand(o.RenewBefore > o.CheckEvery+switched, "--renew-before %v leaves no time: it must be above --check-every, --settle and two --interval, %v", o.RenewBefore, o.CheckEvery+switched)
	demand(o.Overlap > switched, "--overlap %v ends while the former certificate may be served: it must be above --settle and two --interval, %v", o.Overlap, switched)
	return errors.Join(errs...)
}

func (o Options) secret() types.NamespacedName {
	return types.NamespacedName{Namespace: o.Namespace, Name: o.Secret}
}

func (o Options) gatekeeper() types.NamespacedName {
	return types.NamespacedName{Namespace: o.GatekeeperNamespace, Name: o.GatekeeperSecret}
}
