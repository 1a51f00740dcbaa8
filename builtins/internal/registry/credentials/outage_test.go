// SPDX-License-Identifier: Apache-2.0

package credentials_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/alibabacloudacr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/awsecr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/azureacr"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/gcpartifactregistry"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify/notation"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// weather is a clock, and whether a cloud's token services are down.
type weather struct {
	began  time.Time
	passed atomic.Int64 // nanoseconds
	down   atomic.Bool
	asked  atomic.Int32 // while they were down
}

func (w *weather) now() time.Time { return w.began.Add(time.Duration(w.passed.Load())) }

func (w *weather) pass(d time.Duration) { w.passed.Add(int64(d)) }

// service is a token service in this weather.
func (w *weather) service(up http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			w.asked.Add(1)
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		up.ServeHTTP(rw, r)
	})
}

// cloudy is a cloud: what it serves, and the provider for its registry.
type cloudy struct {
	host     string
	provider func(t *testing.T, transport http.RoundTripper) (credentials.Provider, error)
	hosts    map[string]http.Handler
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func azure(t *testing.T, w *weather, upstream http.Handler) cloudy {
	t.Helper()
	a := azuretest.New(w.now)
	file := write(t, a.Assertion(a.Subject, azuretest.AssertionAudience, w.now().Add(24*time.Hour)))
	up := a.Registry(upstream)
	return cloudy{
		host: "contoso.azurecr.io",
		hosts: map[string]http.Handler{
			"login.microsoftonline.com": w.service(a.Authority()),
			"contoso.azurecr.io":        up,
		},
		provider: func(_ *testing.T, transport http.RoundTripper) (credentials.Provider, error) {
			return azureacr.New(azureacr.Options{Identity: entra.Options{TenantID: a.Tenant, ClientID: a.ClientID, TokenFile: file, Transport: transport, Now: w.now}})
		},
	}
}

func amazon(t *testing.T, w *weather, upstream http.Handler) cloudy {
	t.Helper()
	a := awstest.New(w.now)
	a.Trust("a.b.c", w.now().Add(48*time.Hour))
	file := write(t, "a.b.c")
	const region = ".eu-central-1.amazonaws.com"
	return cloudy{
		host:  a.Account + ".dkr.ecr" + region,
		hosts: map[string]http.Handler{"sts" + region: w.service(a.STS()), "api.ecr" + region: w.service(a.ECR()), a.Account + ".dkr.ecr" + region: a.Registry(upstream)},
		provider: func(_ *testing.T, transport http.RoundTripper) (credentials.Provider, error) {
			return awsecr.New(awsecr.Options{Identity: aws.Options{RoleARN: a.Role, TokenFile: file, Region: "eu-central-1", Transport: transport, Now: w.now}})
		},
	}
}

func googleCloud(t *testing.T, w *weather, upstream http.Handler) cloudy {
	t.Helper()
	g := googletest.New(w.now)
	machine := httptest.NewServer(w.service(g.Machine()))
	t.Cleanup(machine.Close)
	return cloudy{
		host: "europe-docker.pkg.dev", hosts: map[string]http.Handler{"europe-docker.pkg.dev": g.Registry(upstream)},
		provider: func(_ *testing.T, transport http.RoundTripper) (credentials.Provider, error) {
			env := func(name string) string {
				return map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(machine.URL, "http://")}[name]
			}
			return gcpartifactregistry.New(gcpartifactregistry.Options{Identity: google.Options{Env: env, Transport: transport, Now: w.now}})
		},
	}
}

func alibaba(t *testing.T, w *weather, upstream http.Handler) cloudy {
	t.Helper()
	a := cloudtest.NewAlibaba(t)
	a.Now = w.now
	a.Instances = []cloudtest.AlibabaInstance{{ID: "cri-a", Name: "acme", Region: "cn-hangzhou"}}
	file := write(t, a.ServiceAccountToken(cloudtest.AlibabaSubject, "sts.aliyuncs.com", 24*time.Hour))
	hosts := a.Registries(upstream)
	for name, up := range a.Hosts() {
		hosts[name] = w.service(up)
	}
	return cloudy{
		host: "acme-registry.cn-hangzhou.cr.aliyuncs.com", hosts: hosts,
		provider: func(t *testing.T, transport http.RoundTripper) (credentials.Provider, error) {
			t.Helper()
			client := must(alibabacloud.New(alibabacloud.Options{Transport: transport, Now: w.now}))(t)
			sessions := must(client.Sessions(alibabacloud.Identity{RoleARN: cloudtest.AlibabaRole, OIDCProviderARN: cloudtest.AlibabaProvider, TokenFile: file}))(t)
			return alibabacloudacr.New(alibabacloudacr.Options{Client: client, Sessions: sessions, DefaultInstance: "cri-a", Now: w.now})
		},
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// engine verifies images of a cloud's registry.
func engine(t *testing.T, w *weather, c cloudy) *verify.Engine {
	t.Helper()
	proxy := cloudtest.Start(t, c.hosts)
	transport := outbound.NewTransport(outbound.Options{Proxy: proxy.Choose, RootCAs: proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	provider := must(c.provider(t, transport))(t)
	client := must(registry.New(registry.Options{
		Credentials: credentials.NewList([]credentials.Entry{{Name: "cloud", Provider: provider}}, nil), Proxy: proxy.Choose, Now: w.now,
		Registries: []registry.Registry{{Match: "*", CA: must(os.ReadFile(proxy.CAFile()))(t)}},
	}))(t)
	store := evidence.NewStore(client, evidence.Options{
		Now: w.now, Describe: registry.Describe, FailureTTL: time.Nanosecond,
		Passing: func(err error) bool { _, retryable := registry.Classify(err); return retryable },
	})
	return verify.New(verify.Options{
		Source: store, Verifiers: []verify.Verifier{notation.New(notation.Options{})}, Classify: registry.Classify, Now: w.now, FailureTTL: time.Nanosecond,
	})
}

// While what a cloud gave is good, nobody notices that its token services are down,
// for whatever repository. After its end the answer is inconclusive, names the step
// and the cause, and costs no further request during the pause.
func TestOutageOfACloud(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cloud func(*testing.T, *weather, http.Handler) cloudy
		life  time.Duration // of what a registry accepts
		want  string
	}{
		"azure":   {azure, azuretest.RefreshLife, "credential provider azure_acr: get Microsoft Entra token: 503 service unavailable"},
		"aws":     {amazon, awstest.PasswordLife, "credential provider aws_ecr: assume role: 503 service unavailable"},
		"gcp":     {googleCloud, time.Hour, "credential provider gcp_artifact_registry: get token of metadata server: 503 has the pod's service account"},
		"alibaba": {alibaba, time.Hour, "credential provider alibabacloud_acr: AssumeRoleWithOIDC: 503 Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			images := registrytest.Start(t, registrytest.Options{})
			w := &weather{began: time.Now().Truncate(time.Second)}
			c := tt.cloud(t, w, httputil.NewSingleHostReverseProxy(must(url.Parse(images.URL()))(t)))
			e := engine(t, w, c)
			doc := must(trust.Parse(must(signtest.NewCA(signtest.CAOptions{}))(t).TrustJSON(), trust.Options{}))(t)
			look := func(repository string) (r *report.Report, said string) {
				must(images.PushImage(t.Context(), repository, "v1"))(t)
				r = e.Verify(t.Context(), verify.Request{Image: c.host + "/" + repository + ":v1", Trust: doc})
				if len(r.Errors) > 0 {
					said = r.Errors[0].Message
				}
				return r, said
			}
			ask := func(repository string, verdict report.Verdict, wants ...string) {
				t.Helper()
				r, said := look(repository)
				for _, s := range wants {
					if !strings.Contains(said, s) {
						t.Errorf("%s: %q lacks %q", repository, said, s)
					}
				}
				if r.Verdict != verdict || verdict == report.Inconclusive && (r.Errors[0].Code != report.Unavailable || !r.Errors[0].Retryable) {
					t.Errorf("%s: %s, want %s: %+v", repository, r.Verdict, verdict, r.Errors)
				}
			}
			ask("first", report.Rejected) // it is not signed: everything was seen
			w.down.Store(true)
			w.pass(tt.life - 3*time.Minute)
			ask("during", report.Rejected)
			w.pass(3 * time.Minute)
			for range 50 { // what was asked for in the background may fail only now, and begin a pause
				if _, said := look("settling"); strings.Contains(said, tt.want) {
					break
				}
				w.pass(2 * time.Second)
			}
			ask("after", report.Inconclusive, tt.want)
			before := w.asked.Load()
			ask("again", report.Inconclusive, tt.want, "(asked again from ")
			if n := w.asked.Load(); n != before || n == 0 {
				t.Errorf("asked %d times in the pause, and %d before", n-before, before)
			}
			w.down.Store(false)
			w.pass(2 * time.Minute)
			ask("recovered", report.Rejected)
		})
	}
}
