// SPDX-License-Identifier: Apache-2.0

package alibabacloud_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

// world is the fake cloud and a client of it.
type world struct {
	t      *testing.T
	cloud  *cloudtest.Alibaba
	proxy  *cloudtest.Proxy
	client *alibabacloud.Client
	token  string // file
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, cloud: cloudtest.NewAlibaba(t), token: filepath.Join(t.TempDir(), "token")}
	w.proxy = cloudtest.Start(t, w.cloud.Hosts())
	transport := outbound.NewTransport(outbound.Options{Proxy: w.proxy.Choose, RootCAs: w.proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	w.client = w.newClient(alibabacloud.Options{Transport: transport, Timeout: 5 * time.Second})
	w.project(cloudtest.AlibabaSubject, "sts.aliyuncs.com", time.Hour)
	return w
}

func (w *world) newClient(o alibabacloud.Options) *alibabacloud.Client {
	w.t.Helper()
	if o.Metadata == nil {
		o.Metadata = viaProxy(w.t, w.proxy)
	}
	c, err := alibabacloud.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// project writes a service account's token where the kubelet would.
func (w *world) project(subject, audience string, life time.Duration) {
	w.t.Helper()
	if err := os.WriteFile(w.token, []byte(w.cloud.ServiceAccountToken(subject, audience, life)+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// variables are those that the cluster injects.
func (w *world) variables() map[string]string {
	return map[string]string{
		"ALIBABA_CLOUD_ROLE_ARN": cloudtest.AlibabaRole, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": cloudtest.AlibabaProvider,
		"ALIBABA_CLOUD_OIDC_TOKEN_FILE": w.token,
	}
}

var accessKey = map[string]string{
	"ALIBABA_CLOUD_ACCESS_KEY_ID": cloudtest.AlibabaKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloudtest.AlibabaKeySecret,
}

func lookup(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// session is that of an identity from the environment.
func (w *world) session(env map[string]string) alibabacloud.Session {
	w.t.Helper()
	s, err := w.client.Sessions(alibabacloud.Identity{Env: lookup(env)})
	if err != nil {
		w.t.Fatal(err)
	}
	session, err := s.Session(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return session
}

func at(service string, s alibabacloud.Session) alibabacloud.Place {
	return alibabacloud.Place{Endpoint: service + ".cn-hangzhou.aliyuncs.com", Region: "cn-hangzhou", Session: s}
}
