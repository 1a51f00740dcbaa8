// SPDX-License-Identifier: Apache-2.0

package rotation_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/opa-ratify/opa-ratify/cmd/opa-ratify-certs/rotation"
)

// Every mistake is named at once, with what to do.
func TestOptionsAreValidated(t *testing.T) {
	t.Parallel()
	good := newWorld(t).options
	fatal(t, good.Validate())
	for _, tt := range []struct {
		name   string
		change func(*rotation.Options)
		want   string
	}{
		{"no Secret", func(o *rotation.Options) { o.Secret = "" }, "give --namespace and --secret"},
		{"no name", func(o *rotation.Options) { o.DNSNames = nil }, "give --dns-name"},
		{"no Provider", func(o *rotation.Options) { o.Providers = nil }, "give --provider"},
		{"no folder", func(o *rotation.Options) { o.Dir = "" }, "give --dir"},
		{"no interval", func(o *rotation.Options) { o.Interval = 0 }, "--interval 0s and --check-every 12h0m0s must be above 0"},
		{"certificate beyond its CA", func(o *rotation.Options) { o.CAValidity = time.Hour }, "--validity 8760h0m0s is beyond --ca-validity 1h0m0s"},
		{"renewed all the time", func(o *rotation.Options) { o.RenewBefore = o.Validity }, "certificates would be renewed all the time"},
		{"renewed too late", func(o *rotation.Options) { o.RenewBefore = o.CheckEvery }, "--renew-before 12h0m0s leaves no time"},
		{"overlap too short", func(o *rotation.Options) { o.Overlap = o.Settle }, "--overlap 10s ends while the former certificate may be served"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := good
			tt.change(&o)
			if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got the error %v; want %s", err, tt.want)
			}
		})
	}
}

// Only lists and watches of Secrets are narrowed, and to the one Secret.
func TestOneSecretIsAskedFor(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.String()) }))
	t.Cleanup(server.Close)
	narrow := rotation.OneSecret(types.NamespacedName{Namespace: "own", Name: "tls"})(http.DefaultTransport)
	for _, path := range []string{
		"/api/v1/namespaces/own/secrets?watch=true", "/api/v1/namespaces/own/secrets/tls", "/api/v1/namespaces/other/secrets",
		"/apis/externaldata.gatekeeper.sh/v1beta1/providers?limit=500",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		fatal(t, err)
		response, err := narrow.RoundTrip(request)
		fatal(t, err)
		fatal(t, response.Body.Close())
	}
	want := []string{
		"/api/v1/namespaces/own/secrets?fieldSelector=metadata.name%3Dtls&watch=true", "/api/v1/namespaces/own/secrets/tls", "/api/v1/namespaces/other/secrets",
		"/apis/externaldata.gatekeeper.sh/v1beta1/providers?limit=500",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
