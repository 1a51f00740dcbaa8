// SPDX-License-Identifier: Apache-2.0

package alibabacloudacr_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/alibabacloudacr"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

// world is the fake cloud with two instances of one name, and a provider's
// options that reach it.
type world struct {
	cloud *cloudtest.Alibaba
	proxy *cloudtest.Proxy
	o     alibabacloudacr.Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cloud: cloudtest.NewAlibaba(t)}
	w.cloud.Instances = []cloudtest.AlibabaInstance{
		{ID: "cri-h", Name: "acme", Region: "cn-hangzhou"},
		{ID: "cri-b", Name: "acme", Region: "cn-beijing"},
		{ID: "cri-other", Name: "acme-dev", Region: "cn-hangzhou"},
		{ID: "crpi-p", Name: "p", Region: "cn-hangzhou"},
	}
	w.proxy = cloudtest.Start(t, w.cloud.Hosts())
	transport := outbound.NewTransport(outbound.Options{Proxy: w.proxy.Choose, RootCAs: w.proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	client, err := alibabacloud.New(alibabacloud.Options{Transport: transport, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := client.Sessions(alibabacloud.Identity{Kind: alibabacloud.AssumeRole, RoleARN: cloudtest.AlibabaRole, Env: func(name string) string {
		return map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": cloudtest.AlibabaKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloudtest.AlibabaKeySecret}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.o = alibabacloudacr.Options{Client: client, Sessions: sessions}
	return w
}

func (w *world) provider(t *testing.T) *alibabacloudacr.Provider {
	t.Helper()
	p, err := alibabacloudacr.New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// instance is the one whose token a host gets, or the error.
func (w *world) instance(t *testing.T, p *alibabacloudacr.Provider, host string) string {
	t.Helper()
	c, err := p.Credential(t.Context(), host)
	if err != nil {
		return err.Error()
	}
	return w.cloud.Instance(c.Username, c.Password)
}

func TestInstanceOfHost(t *testing.T) {
	t.Parallel()
	const hangzhou, beijing, vpc = "acme-registry.cn-hangzhou.cr.aliyuncs.com", "acme-registry.cn-beijing.cr.aliyuncs.com", "acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
	named := func(pairs ...string) []alibabacloudacr.Instance {
		var all []alibabacloudacr.Instance
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, alibabacloudacr.Instance{Key: pairs[i], ID: pairs[i+1]})
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		change func(*alibabacloudacr.Options)
		host   string
		want   string
		asks   string // host of the service
	}{
		{"listed by name", func(*alibabacloudacr.Options) {}, hangzhou, "cri-h", "cr.cn-hangzhou.aliyuncs.com"},
		{"listed in another region", func(*alibabacloudacr.Options) {}, beijing, "cri-b", "cr.cn-beijing.aliyuncs.com"},
		{"VPC host", func(*alibabacloudacr.Options) {}, vpc, "cri-h", "cr-vpc.cn-hangzhou.aliyuncs.com"},
		{"in a VPC", func(o *alibabacloudacr.Options) { o.VPC = true }, hangzhou, "cri-h", "cr-vpc.cn-hangzhou.aliyuncs.com"},
		{"classic network", func(*alibabacloudacr.Options) {}, "acme-registry-internal.cn-hangzhou.cr.aliyuncs.com", "cri-h", "cr.cn-hangzhou.aliyuncs.com"},
		{"upper case, port, dot", func(*alibabacloudacr.Options) {}, "ACME-registry.cn-hangzhou.cr.aliyuncs.com.:443", "cri-h", "cr.cn-hangzhou.aliyuncs.com"},
		{"not listed", func(*alibabacloudacr.Options) {}, "acm-registry.cn-hangzhou.cr.aliyuncs.com", `credential provider alibabacloud_acr: find instance: this account has no instance called "acm" in cn-hangzhou`, ""},
		{"by name", func(o *alibabacloudacr.Options) { o.Instances = named("acme", "cri-h") }, hangzhou, "cri-h", ""},
		{"by name and region", func(o *alibabacloudacr.Options) {
			o.Instances = named("acme", "cri-h", "acme@cn-beijing", "cri-b")
		}, beijing, "cri-b", ""},
		{"by host", func(o *alibabacloudacr.Options) { o.Instances = named("acme", "cri-h", vpc, "cri-other") }, vpc, "cri-other", ""},
		{"none of those named", func(o *alibabacloudacr.Options) { o.Instances = named("prod", "cri-h") }, hangzhou, "credential provider alibabacloud_acr: find instance: no instance is configured for acme-registry.cn-hangzhou.cr.aliyuncs.com; add acme@cn-hangzhou with its id", ""},
		{"default", func(o *alibabacloudacr.Options) {
			o.Instances, o.DefaultInstance = named("prod", "cri-x"), "cri-h"
		}, hangzhou, "cri-h", ""},
		{"default, not in this region", func(o *alibabacloudacr.Options) { o.DefaultInstance, o.Regions = "cri-h", []string{"cn-hangzhou"} }, beijing, "credential provider alibabacloud_acr: find instance: no instance is configured for acme-registry.cn-beijing.cr.aliyuncs.com; add acme@cn-beijing with its id", ""},
		{"default of another region", func(o *alibabacloudacr.Options) { o.DefaultInstance = "cri-h" }, beijing, "credential provider alibabacloud_acr: GetAuthorizationToken: INSTANCE_NOT_EXIST IsSuccess is false (request id 2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE)", ""},
		{"custom domain", func(o *alibabacloudacr.Options) {
			o.Hosts = []alibabacloudacr.CustomHost{{Host: "registry.acme.example", Region: "cn-hangzhou", ID: "cri-h"}}
		}, "registry.acme.example", "cri-h", "cr.cn-hangzhou.aliyuncs.com"},
		{"personal", func(o *alibabacloudacr.Options) { o.Personal = true }, "registry-vpc.cn-beijing.aliyuncs.com", "personal/cn-beijing", "cr-vpc.cn-beijing.aliyuncs.com"},
		{"new personal", func(o *alibabacloudacr.Options) { o.Personal = true }, "crpi-p.cn-hangzhou.personal.cr.aliyuncs.com", "crpi-p", ""},
		{"endpoint", func(o *alibabacloudacr.Options) { o.Endpoint = "cr.cn-beijing.aliyuncs.com" }, beijing, "cri-b", "cr.cn-beijing.aliyuncs.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.change(&w.o)
			if got := w.instance(t, w.provider(t), tt.host); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if tt.asks != "" && w.proxy.Count(tt.asks) == 0 {
				t.Errorf("%s was not asked: %v", tt.asks, w.proxy.Requests())
			}
		})
	}
}

// A host that only looks like a registry, or would make us ask a host that a
// stranger chose, gets nothing, and nobody is asked about it.
func TestLookAlikes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Personal = true
	w.o.DefaultInstance = "cri-h"
	w.o.Hosts = []alibabacloudacr.CustomHost{{Host: "registry.acme.example", Region: "cn-hangzhou", ID: "cri-h"}}
	p := w.provider(t)
	for _, host := range []string{
		"", "aliyuncs.com", "cr.aliyuncs.com", "x-registry.cn-hangzhou.cr.aliyuncs.com.evil.aliyuncs.com", "x-registry.cn-hangzhou.cr.aliyuncs.com.evil.io",
		"evil.io/acme-registry.cn-hangzhou.cr.aliyuncs.com", "evil.io#acme-registry.cn-hangzhou.cr.aliyuncs.com", "acme-registry.cn-hangzhou.cr.aliyuncs.com:5000",
		"acme-registry.cn-hangzhou.cr.aliyuncs.com\n", "acme-registry.cn-hangzhou.cr-aliyuncs.com", "acme-registry.cn-hangzhou.cr.aliyuncs.com..",
		"acme-registry.oss-cn-hangzhou.cr.aliyuncs.com", "acme-registry-vpc.oss-cn-hangzhou.cr.aliyuncs.com", "acme-registry.vpc100-oss-cn-hangzhou.cr.aliyuncs.com",
		"registry-vpc.oss-cn-hangzhou.aliyuncs.com", "acme-registry.evil.cr.aliyuncs.com", "acme-registry..cr.aliyuncs.com", "acmeregistry.cn-hangzhou.cr.aliyuncs.com",
		"evil.acme-registry.cn-hangzhou.cr.aliyuncs.com", "-registry.cn-hangzhou.cr.aliyuncs.com", "-a-registry.cn-hangzhou.cr.aliyuncs.com",
		"registry-cn-hangzhou.ack.aliyuncs.com", "registry-cn-hangzhou-vpc.ack.aliyuncs.com", "registry.aliyuncs.com", "a.registry.acme.example", "registry.acme.example.evil.io",
		"crpi-p.cn-hangzhou.personal.cr.aliyuncs.com.evil.io", "crpi-p.cn-hangzhou.personal.evil.io", "bucket.oss-cn-hangzhou.aliyuncs.com",
	} {
		if p.Owns(host) {
			t.Errorf("%q is owned", host)
		}
		if _, err := p.Credential(t.Context(), host); !errors.Is(err, credentials.ErrNotOwned) {
			t.Errorf("%q: %v", host, err)
		}
		if realms := p.Realms(host); realms != nil {
			t.Errorf("%q: %v", host, realms)
		}
	}
	if got := w.proxy.Requests(); len(got) != 0 {
		t.Errorf("asked: %v", got)
	}
}

func TestPersonalEditionIsAChoice(t *testing.T) {
	t.Parallel()
	p := newWorld(t).provider(t)
	for _, host := range []string{"registry.cn-hangzhou.aliyuncs.com", "registry-intl.ap-southeast-1.aliyuncs.com", "crpi-p-vpc.cn-hangzhou.personal.cr.aliyuncs.com"} {
		if p.Owns(host) {
			t.Errorf("%s is owned", host)
		}
	}
}

func TestRealms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Personal = true
	p := w.provider(t)
	for host, want := range map[string][]string{
		"acme-registry.cn-hangzhou.cr.aliyuncs.com":                  {"dockerauth.cn-hangzhou.aliyuncs.com", "dockerauth-ee.cn-hangzhou.aliyuncs.com"},
		"acme-registry-vpc.cn-hangzhou.cr.aliyuncs.com":              {"dockerauth-vpc.cn-hangzhou.aliyuncs.com", "dockerauth-ee-vpc.cn-hangzhou.aliyuncs.com"},
		"acme-registry-intl-vpc.ap-southeast-1.cr.aliyuncs.com":      {"dockerauth-vpc.ap-southeast-1.aliyuncs.com", "dockerauth-ee-vpc.ap-southeast-1.aliyuncs.com"},
		"acme-registry.distributed.cn-north-2-gov-1.cr.aliyuncs.com": {"dockerauth.cn-north-2-gov-1.aliyuncs.com", "dockerauth-ee.cn-north-2-gov-1.aliyuncs.com"},
		"registry-internal.cn-zhangjiakou.aliyuncs.com":              {"dockerauth.cn-zhangjiakou.aliyuncs.com", "dockerauth-cn-zhangjiakou.aliyuncs.com"},
		"registry.example": nil,
	} {
		if diff := cmp.Diff(want, p.Realms(host)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", host, diff)
		}
	}
}

// 200 verifications together ask for one session and one token per host.
func TestTokensAreAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provider(t)
	hosts := []string{"acme-registry.cn-hangzhou.cr.aliyuncs.com", "acme-registry.cn-beijing.cr.aliyuncs.com"}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if _, err := p.Credential(t.Context(), hosts[i%2]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := map[string]int{}
	for _, action := range []string{"AssumeRole", "ListInstance", "GetAuthorizationToken"} {
		got[action] = w.cloud.Calls(action)
	}
	if diff := cmp.Diff(map[string]int{"AssumeRole": 1, "ListInstance": 2, "GetAuthorizationToken": 2}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A failure is an error with its reason, and never the empty credential.
func TestFailuresAreErrors(t *testing.T) {
	t.Parallel()
	const host = "acme-registry.cn-hangzhou.cr.aliyuncs.com"
	for _, tt := range []struct {
		name, action string
		answer       http.HandlerFunc
		want         string
		retryable    bool
	}{
		{"role not assumable", "AssumeRole", cloudtest.Refuse(403, "NoPermission", "not authorized"), "credential provider alibabacloud_acr: AssumeRole: NoPermission not authorized (request id 2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE)", false},
		{"STS down", "AssumeRole", cloudtest.Refuse(503, "ServiceUnavailable", "busy"), "AssumeRole: ServiceUnavailable busy", true},
		{"IsSuccess false", "GetAuthorizationToken", text(`{"IsSuccess":false,"Code":"NOT_ALLOWED"}`), "GetAuthorizationToken: NOT_ALLOWED IsSuccess is false", false},
		{"no permission to list", "ListInstance", cloudtest.Refuse(403, "NoPermission", "no"), "ListInstance: NoPermission no", false},
		{"listing, IsSuccess false", "ListInstance", text(`{"IsSuccess":false}`), "ListInstance: IsSuccess is false", false},
		{"listed id is none", "ListInstance", text(`{"IsSuccess":true,"Instances":[{"InstanceId":"../x","InstanceName":"acme"}]}`), "find instance: this account has no instance", false},
		{"unexpected types", "GetAuthorizationToken", status(500, `{"Code":500}`), "GetAuthorizationToken: 500 the answer is an error object that is not documented", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cloud.Fault(tt.action, tt.answer)
			_, err := w.provider(t).Credential(t.Context(), host)
			var e *credentials.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || e.Retryable != tt.retryable {
				t.Errorf("got %v", err)
			}
		})
	}
}

func text(s string) http.HandlerFunc { return status(http.StatusOK, s) }

func status(code int, s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, s)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Instances = []alibabacloudacr.Instance{{Key: "a", ID: "x"}, {Key: "", ID: "cri-a"}, {Key: "b@", ID: "cri-b"}, {Key: "c", ID: "cri-c"}, {Key: "C", ID: "cri-d"}}
	w.o.DefaultInstance = "default"
	w.o.Regions = []string{"oss-cn-hangzhou"}
	w.o.Hosts = []alibabacloudacr.CustomHost{{Host: "*.acme.example", Region: "cn-hangzhou", ID: "cri-a"}, {Host: "r.acme.example"}}
	_, err := alibabacloudacr.New(w.o)
	want := `instance "a": "x" is not the id of an instance, cri-…
an instance has no name
instance "b@": write name@region, prod@cn-hangzhou
instance "C" is there twice; for one name in two regions write name@region
default instance: "default" is not the id of an instance, cri-…
"oss-cn-hangzhou" is not a region, cn-hangzhou
host "*.acme.example": write a custom domain, exactly; instances' own hosts need none
host "r.acme.example": it needs the region and the id of its instance, cri-…`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseInstances(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	want := []alibabacloudacr.Instance{{Key: "a", ID: "cri-a"}, {Key: "b@cn-beijing", ID: "cri-b"}}
	for _, tt := range []struct {
		name  string
		value any
		want  []alibabacloudacr.Instance
		says  string
	}{
		{"nothing", nil, nil, ""},
		{"Ratify's", []any{object{"instanceName": "a", "instanceId": "cri-a"}, object{"instance_name": "b@cn-beijing", "instance_id": "cri-b"}}, want, ""},
		{"the marketplace's", []any{object{"a": "cri-a"}, object{"b@cn-beijing": "cri-b"}}, want, ""},
		{"one object", object{"a": "cri-a", "b@cn-beijing": "cri-b"}, want, ""},
		{"half", []any{object{"instanceName": "a"}}, nil, "[0]: it has instanceName; write instanceName and instanceId, both and nothing else"},
		{"more", []any{object{"instanceName": "a", "instanceId": "cri-a", "region": "r"}}, nil, "[0]: it has instanceId, instanceName, region; write"},
		{"number", []any{object{"a": 1}}, nil, `[0]: "a" is not text`},
		{"text", []any{"cri-a"}, nil, "[0]: it is no object; write {instanceName: name, instanceId: cri-…}"},
		{"no id", []any{object{"a": "b"}}, []alibabacloudacr.Instance{{Key: "a", ID: "b"}}, `instance "a": "b" is not the id of an instance`},
	} {
		got, problems := alibabacloudacr.ParseInstances(tt.value)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if err := errors.Join(problems...); (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
