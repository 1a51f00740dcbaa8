// SPDX-License-Identifier: Apache-2.0

package alibabacloud_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

// viaProxy lets the metadata service be a fake one.
func viaProxy(t *testing.T, p *cloudtest.Proxy) http.RoundTripper {
	t.Helper()
	transport := &http.Transport{Proxy: p.Choose}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// Each identity gets a session that a signed call is accepted with.
func TestIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.Instances = []cloudtest.AlibabaInstance{{ID: "cri-a", Name: "a", Region: "cn-hangzhou"}}
	region := w.variables()
	region["ALIBABA_CLOUD_STS_REGION"], region["ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"] = "cn-beijing", "true"
	for _, tt := range []struct {
		name string
		id   alibabacloud.Identity
		kind string
		asks string // host that gives the session
	}{
		{"RRSA is preferred", alibabacloud.Identity{Env: lookup(merge(w.variables(), accessKey))}, "rrsa", "sts.aliyuncs.com"},
		{"RRSA in a VPC", alibabacloud.Identity{Env: lookup(region)}, "rrsa", "sts-vpc.cn-beijing.aliyuncs.com"},
		{"access key", alibabacloud.Identity{Env: lookup(accessKey)}, "access_key", ""},
		{"assumed role", alibabacloud.Identity{Kind: "assume_role", RoleARN: cloudtest.AlibabaRole, STSEndpoint: "sts.cn-hangzhou.aliyuncs.com", Env: lookup(accessKey)}, "assume_role", "sts.cn-hangzhou.aliyuncs.com"},
		{"node", alibabacloud.Identity{Kind: "ecs_ram_role"}, "ecs_ram_role", "100.100.100.200"},
		{"node, role named", alibabacloud.Identity{Kind: "ecs_ram_role", ECSRole: cloudtest.AlibabaNodeRole}, "ecs_ram_role", "100.100.100.200"},
	} {
		before := w.proxy.Count(tt.asks)
		sessions, err := w.client.Sessions(tt.id)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		session, err := sessions.Session(t.Context())
		if err != nil || sessions.Name() != tt.kind {
			t.Errorf("%s: %s: %v", tt.name, sessions.Name(), err)
			continue
		}
		if tt.asks != "" && w.proxy.Count(tt.asks) == before {
			t.Errorf("%s: %s was not asked", tt.name, tt.asks)
		}
		if _, err := w.client.RegistryToken(t.Context(), at("cr", session), "cri-a"); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestIdentityThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		id   alibabacloud.Identity
		want string
	}{
		{"nothing: not the node", alibabacloud.Identity{}, "the role of the node (ecs_ram_role) is used only if it is configured"},
		{"half of RRSA", alibabacloud.Identity{Kind: "rrsa", RoleARN: "r"}, "identity rrsa: ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set"},
		{"misspelt", alibabacloud.Identity{Kind: "rrsa", Env: lookup(map[string]string{"ALIBABA_CLOUD_ROLE_ARN": "r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "p", "ALIBABABA_CLOUD_OIDC_TOKEN_FILE": "f"})}, "ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set (misspelt?"},
		{"no secret", alibabacloud.Identity{Kind: "access_key", Env: lookup(map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"})}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"},
		{"no role to assume", alibabacloud.Identity{Kind: "assume_role", Env: lookup(accessKey)}, "ALIBABA_CLOUD_ROLE_ARN is not set"},
		{"node is switched off", alibabacloud.Identity{Kind: "ecs_ram_role", Env: lookup(map[string]string{"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"})}, "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true"},
		{"unknown", alibabacloud.Identity{Kind: "oidc"}, `identity "oidc": write rrsa`},
	} {
		if _, err := w.client.Sessions(tt.id); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// What STS refuses says step, code, message and request id, and no token.
func TestRRSARefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		change    func(*world)
		role      string
		want      string
		retryable bool
	}{
		{"expired", func(w *world) { w.project(cloudtest.AlibabaSubject, "sts.aliyuncs.com", -time.Minute) }, "", "AssumeRoleWithOIDC: AuthenticationFail.OIDCToken.Expired This JWT Token has expired.; the token in", true},
		{"audience", func(w *world) { w.project(cloudtest.AlibabaSubject, "api", time.Hour) }, "", "AuthenticationFail.OIDCToken.AudienceNotMatched The audience of the OIDC token does not match.; role acs:ram::113802571553:role/ratify-role must trust", false},
		{"another service account", func(w *world) { w.project("system:serviceaccount:default:default", "sts.aliyuncs.com", time.Hour) }, "", "AuthenticationFail.NoPermission This operation is forbidden by permission system.; role", false},
		{"no such role", func(*world) {}, "acs:ram::1:role/none", "EntityNotExist.Role The role not exists (request id 2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE)", false},
		{"no file", func(w *world) { _ = os.Remove(w.token) }, "", "read service account token: ", true},
		{"empty file", func(w *world) { _ = os.WriteFile(w.token, []byte(" \n"), 0o600) }, "", "is empty", true},
		{"down", func(w *world) {
			w.cloud.Fault("AssumeRoleWithOIDC", cloudtest.Refuse(503, "ServiceUnavailable", "busy"))
		}, "", "AssumeRoleWithOIDC: ServiceUnavailable busy (request id", true},
		{"already expired", func(w *world) { w.cloud.SessionLife = -time.Minute }, "", "the session has expired already", true},
		{"page of a proxy", func(w *world) { w.cloud.Fault("AssumeRoleWithOIDC", page(502)) }, "", "AssumeRoleWithOIDC: 502 Bad Gateway", true},
		{"no session in it", func(w *world) { w.cloud.Fault("AssumeRoleWithOIDC", page(200)) }, "", "the answer is not the JSON that is documented", true},
		{"redirect", func(w *world) { w.cloud.Fault("AssumeRoleWithOIDC", redirect) }, "", "sts.aliyuncs.com answers with a redirect (302)", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.change(w)
			s, err := w.client.Sessions(alibabacloud.Identity{RoleARN: tt.role, Env: lookup(w.variables())})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Session(t.Context())
			refusedAs(t, err, tt.want, tt.retryable)
			if token, _ := os.ReadFile(w.token); len(token) > 9 && strings.Contains(fmt.Sprintf("%v %+v", err, err), string(token[:20])) {
				t.Error("the error holds the token")
			}
			if w.proxy.Count("evil.example") != 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

// A token that the kubelet has renewed is read for the next session.
func TestServiceAccountTokenIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	w.cloud.Now = func() time.Time { return now }
	client := w.newClient(alibabacloud.Options{Transport: roundTripper(w), Now: w.cloud.Now})
	s, err := client.Sessions(alibabacloud.Identity{Env: lookup(w.variables())})
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Hour)
	w.project(cloudtest.AlibabaSubject, "sts.aliyuncs.com", time.Hour)
	second, err := s.Session(t.Context())
	if err != nil || first.SecurityToken == second.SecurityToken || w.cloud.Calls("AssumeRoleWithOIDC") != 2 {
		t.Errorf("second session: %v, %d requests", err, w.cloud.Calls("AssumeRoleWithOIDC"))
	}
}

func TestSessionPrintsNothing(t *testing.T) {
	t.Parallel()
	s := alibabacloud.Session{AccessKeyID: "hunter2", AccessKeySecret: "hunter2", SecurityToken: "hunter2"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(format, s) + fmt.Sprintf(format, &s); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func merge(envs ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range envs {
		maps.Copy(all, m)
	}
	return all
}
