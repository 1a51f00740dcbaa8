// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"slices"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// Demand is what the document says about one kind of proof.
type Demand string

// The demands.
const (
	// Required: without a good proof nothing is verified.
	Required Demand = "required"
	// Accepted: a good proof counts as the time of signing, a missing or bad one
	// is no objection by itself.
	Accepted Demand = "accepted"
	// Ignored: the proof is not looked at, not even as a time of signing.
	Ignored Demand = "ignored"
)

// Cosign is the compiled cosign part of a trust document: a signature counts if
// one of the keys made it, or one of the identities with a certificate. Read-only.
type Cosign struct {
	Keys       []Key
	Absent     []Absent // keys that key providers were to give and do not
	Identities []CertificateIdentity
	// Root has the certificate authorities, logs and timestamp authorities. Nil:
	// the document gives none, and then no proof is demanded and no identity is
	// trusted.
	Root root.TrustedMaterial

	Log             Demand // an entry in a transparency log: Required or Ignored
	SignedTimestamp Demand // a timestamp by an authority (RFC 3161)
	SCT             Demand // a proof of the certificate's own log: Required or Ignored

	// Annotations are demanded of every signature. Nil: none.
	Annotations map[string]string

	source []byte // of Root, for the document's hash
}

// Cosign returns what the document says about Cosign and Sigstore signatures,
// nil if it does not trust that format.
func (d *Document) Cosign() *Cosign { return d.cosign }

func (p *parser) cosign(v any, path string) *Cosign {
	o, _ := p.object(v, path, "keys", "identities", "trusted_root", "transparency_log", "signed_timestamp", "certificate_transparency", "annotations")
	if o == nil {
		return nil
	}
	c := &Cosign{Annotations: p.annotations(o["annotations"], key(path, "annotations"))}
	if keys, found := o["keys"]; found {
		c.Keys, c.Absent = p.keys(keys, key(path, "keys"))
	}
	if identities, found := o["identities"]; found {
		c.Identities = p.certificateIdentities(identities, key(path, "identities"))
	}
	if trusted, found := o["trusted_root"]; found {
		c.Root, c.source = p.trustedRoot(trusted, key(path, "trusted_root"))
	}
	if o["keys"] == nil && o["identities"] == nil {
		p.add(path, "it names neither keys nor identities: it trusts nobody", `write "keys": ["-----BEGIN PUBLIC KEY-----…"] or "identities": [{"issuer": …, "subject": …}]`)
	}
	if c.Root != nil || o["trusted_root"] == nil {
		p.demands(c, o, path)
	}
	return c
}

// demands reads what is demanded and fills in the defaults, the strictest that
// the trusted root allows: whoever gives a log wants its proof.
func (p *parser) demands(c *Cosign, o map[string]any, path string) {
	certificates := o["identities"] != nil
	logs, authorities, ctlogs := have(c.Root)
	if certificates && c.Root == nil {
		p.add(key(path, "trusted_root"), "it is missing: certificates of identities are verified with it", `write "public-good" for Sigstore's public instance, the content of trusted_root.json, or {"file": path}`)
		return
	}
	c.Log = p.demand(o, path, "transparency_log", or(certificates || logs, Required), logs, "transparency log", Required, Ignored)
	c.SignedTimestamp = p.demand(o, path, "signed_timestamp", or(authorities, Accepted), authorities, "timestamp authority", Required, Accepted, Ignored)
	c.SCT = p.demand(o, path, "certificate_transparency", or(certificates, Required), ctlogs, "certificate transparency log", Required, Ignored)
	if certificates && c.Log == Ignored && c.SignedTimestamp == Ignored {
		p.add(path, "nothing would prove when a certificate was used: transparency_log and signed_timestamp are both ignored", `write "required" for one of them`)
	}
	if !certificates && o["certificate_transparency"] == string(Required) {
		p.add(key(path, "certificate_transparency"), "it is required, but keys have no certificates", "leave it out, or name identities")
	}
}

// demand reads one demand and refuses what could never be met.
func (p *parser) demand(o map[string]any, path, name string, byDefault Demand, available bool, what string, known ...Demand) Demand {
	d := byDefault
	if v, found := o[name]; found {
		s, ok := p.text(v, key(path, name))
		if !ok {
			return d
		}
		if d = Demand(s); !slices.Contains(known, d) {
			p.add(key(path, name), fmt.Sprintf("%q is not a demand", s), "write one of "+quoted(texts(known)))
			return byDefault
		}
	}
	if d == Required && !available {
		problem := "it is required, but the trusted root has no " + what
		if o["trusted_root"] == nil {
			problem = "it is required, but there is no trusted_root to check it with"
		}
		p.add(key(path, name), problem, fmt.Sprintf(`write "trusted_root": … with one, or "%s": "ignored" if signatures have none`, name))
	}
	return d
}

// have tells which kinds of proof a trusted root can check.
func have(m root.TrustedMaterial) (logs, authorities, ctlogs bool) {
	if m == nil {
		return false, false, false
	}
	return len(m.RekorLogs()) > 0, len(m.TimestampingAuthorities()) > 0, len(m.CTLogs()) > 0
}

func or(condition bool, d Demand) Demand {
	if condition {
		return d
	}
	return Ignored
}

func (p *parser) annotations(v any, path string) map[string]string {
	if v == nil {
		return nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		p.add(path, "it is "+kind(v)+", not an object", `write {"name": "value"}`)
		return nil
	}
	annotations := map[string]string{}
	for _, name := range sortedKeys(o) {
		if s, ok := p.text(o[name], key(path, name)); ok {
			annotations[name] = s
		}
	}
	return annotations
}

func texts(demands []Demand) []string {
	words := make([]string, len(demands))
	for i, d := range demands {
		words[i] = string(d)
	}
	return words
}
