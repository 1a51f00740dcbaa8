// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/transport"
)

// oneSecret narrows requests for all Secrets of a namespace to those for one.
//
// cert-controller lists and watches every Secret beside its own. With this the Role need
// not let it: list and watch with this selector are authorized by resourceNames.
//
// Spec: Kubernetes, "Using RBAC Authorization", Referring to resources.
func oneSecret(secret types.NamespacedName) transport.WrapperFunc {
	return func(next http.RoundTripper) http.RoundTripper { return narrowed{secret, next} }
}

type narrowed struct {
	secret types.NamespacedName
	next   http.RoundTripper
}

func (n narrowed) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, "/api/v1/namespaces/"+n.secret.Namespace+"/secrets") {
		request = request.Clone(request.Context())
		query := request.URL.Query()
		query.Set("fieldSelector", "metadata.name="+n.secret.Name)
		request.URL.RawQuery = query.Encode()
	}
	return n.next.RoundTrip(request)
}
