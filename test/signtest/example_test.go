// SPDX-License-Identifier: Apache-2.0

package signtest_test

import (
	"context"
	"fmt"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// An image gets two signatures: one that is good and one that was tampered with.
func Example() {
	ctx := context.Background()
	if err := signTwice(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// x509.subject: CN=release,O=Acme,ST=WA,C=US
	// application/jose+json
	// application/cose
}

func signTwice(ctx context.Context) error {
	reg, err := registrytest.New(registrytest.Options{})
	if err != nil {
		return err
	}
	defer reg.Close()
	image, err := reg.PushImage(ctx, "app", "v1")
	if err != nil {
		return err
	}
	ca, err := signtest.NewCA(signtest.CAOptions{Intermediates: 1})
	if err != nil {
		return err
	}
	signer, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		return err
	}
	fmt.Println(signer.Identity())

	good, err := signer.Sign(ctx, image, signtest.SignOptions{})
	if err != nil {
		return err
	}
	bad, err := signer.Sign(ctx, image, signtest.SignOptions{Format: signtest.COSE})
	if err != nil {
		return err
	}
	if bad, err = signtest.FlipPayload(bad); err != nil {
		return err
	}
	for _, env := range []signtest.Envelope{good, bad} {
		if _, err := signtest.Attach(ctx, reg, "app", image, env); err != nil {
			return err
		}
		fmt.Println(env.MediaType)
	}
	return nil
}
