// SPDX-License-Identifier: Apache-2.0

package tokens_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
)

// cloud is a stand-in with two registries, and a pod that may pull from them.
type cloud struct {
	name        string
	credentials string // entry of the configuration
	registries  []string
	hosts       map[string]http.Handler
	pod         map[string]string // environment
	tokenFile   string            // variable that names it; "" if there is none
	token       string
	proxy       *cloudtest.Proxy

	// What is counted, each with what the README calls it; nil: there is no such
	// step.
	identity, credential, bearer *step
	want                         counts
}

type step struct {
	name  string
	count func() int
}

// counts are the requests of each step.
type counts struct{ identity, credential, bearer int }

func (c *cloud) counts() counts {
	return counts{c.identity.number(), c.credential.number(), c.bearer.number()}
}

func (s *step) number() int {
	if s == nil {
		return 0
	}
	return s.count()
}

func (s *step) String() string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%d (%s)", s.count(), s.name)
}

func (c *cloud) row() string {
	return fmt.Sprintf("| %s | %v | %v | %v |", c.name, c.identity, c.credential, c.bearer)
}

// at counts the requests of a path at hosts that end so.
func (c *cloud) at(path, suffix string) func() int {
	return func() int {
		n := 0
		for _, r := range c.proxy.Requests() {
			if r.Path == path && strings.HasSuffix(r.Host, suffix) && !r.Refused {
				n++
			}
		}
		return n
	}
}

func startAzure(_ *testing.T, upstream http.Handler) *cloud {
	a := azuretest.New(time.Now)
	c := &cloud{
		name: "Azure, 2 registries", credentials: "{provider: azure_acr}", registries: []string{"contoso.azurecr.io", "fabrikam.azurecr.io"},
		hosts:     map[string]http.Handler{"login.microsoftonline.com": a.Authority(), "*.azurecr.io": a.Registry(upstream)},
		pod:       map[string]string{"AZURE_TENANT_ID": a.Tenant, "AZURE_CLIENT_ID": a.ClientID},
		tokenFile: "AZURE_FEDERATED_TOKEN_FILE", token: a.Assertion(a.Subject, azuretest.AssertionAudience, time.Now().Add(time.Hour)),
		want: counts{1, 2, 2},
	}
	c.identity = &step{"Entra", a.Tokens}
	c.credential = &step{"`/oauth2/exchange`", c.at("/oauth2/exchange", ".azurecr.io")}
	c.bearer = &step{"`/oauth2/token`", c.at("/oauth2/token", ".azurecr.io")}
	return c
}

func startAlibaba(t *testing.T, upstream http.Handler) *cloud {
	t.Helper()
	a := cloudtest.NewAlibaba(t)
	a.Instances = []cloudtest.AlibabaInstance{{ID: "cri-a", Name: "acme", Region: "cn-hangzhou"}, {ID: "cri-b", Name: "umbrella", Region: "cn-hangzhou"}}
	c := &cloud{
		name: "Alibaba Cloud, 2 instances", credentials: "{provider: alibabacloud_acr, instances: [{name: acme, id: cri-a}, {name: umbrella, id: cri-b}]}",
		registries: []string{"acme-registry.cn-hangzhou.cr.aliyuncs.com", "umbrella-registry.cn-hangzhou.cr.aliyuncs.com"}, hosts: a.Registries(upstream),
		pod:       map[string]string{"ALIBABA_CLOUD_ROLE_ARN": cloudtest.AlibabaRole, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": cloudtest.AlibabaProvider},
		tokenFile: "ALIBABA_CLOUD_OIDC_TOKEN_FILE", token: a.ServiceAccountToken(cloudtest.AlibabaSubject, "sts.aliyuncs.com", time.Hour),
		want: counts{1, 2, 2},
	}
	maps.Copy(c.hosts, a.Hosts())
	c.identity = &step{"`AssumeRoleWithOIDC`", func() int { return a.Calls("AssumeRoleWithOIDC") }}
	c.credential = &step{"`GetAuthorizationToken`", func() int { return a.Calls("GetAuthorizationToken") }}
	c.bearer = &step{"`dockerauth-ee`", c.at("/auth", ".aliyuncs.com")}
	return c
}

func startAWS(_ *testing.T, upstream http.Handler) *cloud {
	a := awstest.New(time.Now)
	a.Trust("a.b.c", time.Now().Add(time.Hour))
	c := &cloud{
		name: "AWS, registries in 2 regions", credentials: "{provider: aws_ecr}", hosts: map[string]http.Handler{"sts.eu-central-1.amazonaws.com": a.STS()},
		pod: map[string]string{"AWS_ROLE_ARN": a.Role, "AWS_REGION": "eu-central-1"}, tokenFile: "AWS_WEB_IDENTITY_TOKEN_FILE", token: "a.b.c",
		want: counts{1, 2, 0},
	}
	for _, region := range []string{"eu-central-1", "us-east-1"} {
		registry := a.Account + ".dkr.ecr." + region + ".amazonaws.com"
		c.registries = append(c.registries, registry)
		c.hosts[registry], c.hosts["api.ecr."+region+".amazonaws.com"] = a.Registry(upstream), a.ECR()
	}
	c.identity = &step{"`AssumeRoleWithWebIdentity`", a.Assumed}
	c.credential = &step{"`GetAuthorizationToken`", a.Passwords}
	return c
}

func startGoogle(t *testing.T, upstream http.Handler) *cloud {
	t.Helper()
	g := googletest.New(time.Now)
	machine := httptest.NewServer(g.Machine())
	t.Cleanup(machine.Close)
	c := &cloud{
		name: "Google Cloud, 2 locations", credentials: "{provider: gcp_artifact_registry}", registries: []string{"europe-docker.pkg.dev", "us-docker.pkg.dev"},
		hosts: map[string]http.Handler{"*.pkg.dev": g.Registry(upstream)},
		pod:   map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(machine.URL, "http://")},
		want:  counts{1, 0, 2},
	}
	c.identity = &step{"metadata server", g.Tokens}
	c.bearer = &step{"`/v2/token`", c.at("/v2/token", ".pkg.dev")}
	return c
}
