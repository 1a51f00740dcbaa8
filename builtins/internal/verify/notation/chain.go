// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"context"
	"crypto/x509"
)

// chainKey is the context key of the chain of the signature that is judged.
type chainKey struct{}

// withChain tells the trust stores, which the library asks by name alone, whose
// chain is judged. It is not verified yet: the library compares its certificates
// with what the stores answer, and checks the chain and the signature itself.
func withChain(ctx context.Context, mediaType string, envelope []byte) context.Context {
	o, err := readOutline(mediaType, envelope)
	if err != nil {
		return ctx
	}
	chain, refused := o.certificates()
	if refused != nil {
		return ctx
	}
	return context.WithValue(ctx, chainKey{}, chain)
}

func chainOf(ctx context.Context) []*x509.Certificate {
	chain, _ := ctx.Value(chainKey{}).([]*x509.Certificate)
	return chain
}
