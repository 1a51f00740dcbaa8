// SPDX-License-Identifier: Apache-2.0

package gatekeeper

import (
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/telemetry"
)

// prefix is the path below which everything is ours.
const prefix = "/ratify/gatekeeper/"

// operation is one of the four routes.
type operation struct {
	version string // "v1" or "v2", Ratify's generations; the library writes both forms of value
	name    string // "verify" or "mutate"

	idempotent bool // Gatekeeper mutates only by an idempotent response
	everyKey   bool // Gatekeeper's mutation wants an item for every key
}

func operations() []operation {
	return []operation{
		{version: "v1", name: "verify"},
		{version: "v1", name: "mutate", idempotent: true, everyKey: true},
		{version: "v2", name: "verify"},
		{version: "v2", name: "mutate", idempotent: true, everyKey: true},
	}
}

func (o operation) path() string { return prefix + o.version + "/" + o.name }

func (o operation) mutates() bool { return o.name == "mutate" }

// timeout bounds the whole request.
func (o operation) timeout(c config.Gatekeeper) time.Duration {
	if o.mutates() {
		return c.MutationTimeout
	}
	return c.Timeout
}

func (o operation) observe(m *telemetry.Metrics, d time.Duration) {
	if o.mutates() {
		m.MutationRequest(d)
	} else {
		m.VerificationRequest(d)
	}
}
