// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"context"
	"fmt"
	"net/http"

	"oras.land/oras-go/v2/registry/remote"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

// A registry fails once with 429; the client asks again and gets the image.
func Example() {
	ctx := context.Background()
	reg, err := registrytest.New(registrytest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	image, err := reg.PushImage(ctx, "app", "v1")
	if err != nil {
		fmt.Println(err)
		return
	}
	reg.Inject(registrytest.Fault{
		Kind:   registrytest.KindManifest,
		Times:  1,
		Action: registrytest.Status(http.StatusTooManyRequests, http.Header{"Retry-After": {"0"}}),
	})

	repo, err := remote.NewRepository(reg.Host() + "/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	repo.PlainHTTP = true
	desc, err := repo.Resolve(ctx, "v1")
	fmt.Println(desc.Digest == image.Digest, err)
	for _, r := range reg.Requests() {
		fmt.Println(r.Method, r.Path, r.Status)
	}
	// Output:
	// true <nil>
	// HEAD /v2/app/manifests/v1 429
	// HEAD /v2/app/manifests/v1 200
}
