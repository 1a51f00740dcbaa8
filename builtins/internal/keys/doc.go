// SPDX-License-Identifier: Apache-2.0

// Package keys keeps the certificates and public keys that key services hold:
// files, Kubernetes, Vault, the clouds' key services.
//
//	plugins.ratify.key_providers ──▶ Source ──Fetch──▶ Snapshot ──▶ Set ──Lookup──▶ trust document
//
// A trust document names them ({"provider": "prod", "name": "release"}); what can
// be named is fixed by the operator's configuration, so that a policy can make
// this process ask no service and read no file of its own choice. Keys are only
// fetched here: signatures are verified locally.
//
// What a service says about a key (disabled, expired, deleted) counts at once. A
// service that cannot be asked takes nothing away: the last good snapshot stays
// until [Provider.MaxStale] has passed, and [Set.Status] tells.
package keys

import (
	"context"
	"time"
)

// Source is one configured key provider. It may be called concurrently.
type Source interface {
	// Fetch returns every key it is configured for. An error beside a snapshot
	// says that something could not be seen: what the snapshot does not name then
	// stays as it was, and everything else counts. ctx bounds the wait.
	Fetch(ctx context.Context) (Snapshot, error)
}

// Watched is a [Source] that is cheap to ask whether it changed: it is asked
// before a lookup, at most once a second, and fetched again if it did.
type Watched interface {
	Source
	// Changed reports whether Fetch would return something else than last time. It
	// waits for no network.
	Changed() bool
}

// Snapshot is what a source holds at one time.
type Snapshot struct {
	Keys []Key
}

// Key is one version of one key or certificate.
type Key struct {
	// Name and Version are what trust documents write. Version is "" if the
	// service has none.
	Name, Version string
	// PEM holds a chain of certificates or a public key; never a private key. Nil
	// with an Err.
	PEM []byte
	// Latest marks the newest enabled version of Name.
	Latest bool
	// NotBefore and NotAfter bound the use of the key. Zero: unbounded.
	NotBefore, NotAfter time.Time
	// Err says why there is no PEM: disabled, expired, pending deletion, access
	// denied. The key counts as gone at once, unless the error is an [Error] that
	// is Retryable: then the last good PEM stays.
	Err error
}
