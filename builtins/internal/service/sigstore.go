// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust/publicgood"
)

// tufTimeout bounds one request to Sigstore's TUF repository.
const tufTimeout = 30 * time.Second

// publicRoot is the trusted root of Sigstore's public instance. Nobody is asked
// for a newer one until a trust document says "public-good", and then only in a
// process that lives long enough to use the answer.
type publicRoot struct {
	refresher *publicgood.Refresher // nil: the embedded copy is all there is
	start     sync.Once
	run       func()
	stop      context.CancelFunc
}

func newPublicRoot(d Deps) *publicRoot {
	ctx, cancel := context.WithCancel(context.Background()) // for as long as the service lives
	p := &publicRoot{stop: cancel}
	if !d.LongLived {
		return p
	}
	transport := outbound.NewTransport(outbound.Options{})
	p.refresher = publicgood.New(publicgood.Options{
		Client: &http.Client{Transport: transport, Timeout: tufTimeout, CheckRedirect: outbound.CheckRedirect},
		Tried:  d.Refreshed,
	})
	p.run = func() {
		defer transport.CloseIdleConnections()
		defer func() { // a panic in this goroutine would end the process
			if r := recover(); r != nil && d.Refreshed != nil {
				d.Refreshed(fmt.Errorf("refresh trusted root: panic: %v", r))
			}
		}()
		p.refresher.Run(ctx)
	}
	return p
}

// current returns the newest trusted root known, at once.
func (p *publicRoot) current() []byte {
	if p.refresher != nil {
		p.start.Do(func() { go p.run() })
	}
	return p.refresher.TrustedRoot()
}
