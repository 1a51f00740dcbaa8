// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
	"github.com/opa-ratify/opa-ratify/test/kubetest"
)

// cloudKey finds a script's cloud among its values.
type cloudKey struct{}

// cloud is what `azure`, `alibaba`, `aws` or `google` started, over the script's registry.
type cloud struct {
	tb      testing.TB
	proxy   *cloudtest.Proxy
	azure   *azuretest.Azure
	vaults  map[string]*azuretest.Vault
	alibaba *cloudtest.Alibaba
	aws     *awstest.AWS
	google  *googletest.Google
	cluster *kubetest.API
	known   atomic.Bool // by the public registry of AWS
	added   int         // versions
	robber  robber
}

// robber is a registry that only looks like one of the cloud's, and asks for whatever
// it may be given.
type robber struct {
	asked, given atomic.Bool
}

// ServeHTTP implements [http.Handler].
func (r *robber) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.asked.Store(true)
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err != nil || len(body) > 0 || req.Header.Get("Authorization") != "" {
		r.given.Store(true)
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/oauth2/token",service="%s"`, req.Host, req.Host))
	w.WriteHeader(http.StatusUnauthorized)
}

func setupCloud(env *testscript.Env) error {
	tb, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("%T is no test", env.T())
	}
	env.Values[cloudKey{}] = &cloud{tb: tb}
	return nil
}

func scriptCloud(ts *testscript.TestScript) *cloud {
	c, ok := ts.Value(cloudKey{}).(*cloud)
	if !ok {
		ts.Fatalf("script was not set up")
	}
	return c
}

// upstream is the script's registry, which clouds' registries are in front of.
func upstream(ts *testscript.TestScript) http.Handler {
	r := scriptRegistry(ts)
	if r.Registry == nil {
		ts.Fatalf("a cloud comes after registry")
	}
	target, err := url.Parse(r.URL())
	ts.Check(err)
	return httputil.NewSingleHostReverseProxy(target)
}

// start serves hosts, and gives the script the environment of a pod there.
func (c *cloud) start(ts *testscript.TestScript, hosts map[string]http.Handler, pod map[string]string, tokenVariable, token string) {
	for _, parent := range []string{"azurecr.io.evil.example", "cn-hangzhou.cr.aliyuncs.com.evil.aliyuncs.com"} {
		hosts["*."+parent] = &c.robber
	}
	c.proxy = cloudtest.Start(c.tb, hosts)
	for _, variable := range c.proxy.Env() {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
	for name, value := range pod {
		ts.Setenv(name, value)
	}
	file := ts.MkAbs("service-account-token")
	ts.Check(os.WriteFile(file, []byte(token), 0o600))
	ts.Setenv(tokenVariable, file)
}

// startAzure is the command `azure VAULT...`: Azure with these vaults, and registries
// of any name in front of the script's. What runs next is a pod with workload identity.
func startAzure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: azure VAULT...")
	}
	c, azure := scriptCloud(ts), azuretest.New(time.Now)
	c.azure = azure
	hosts := map[string]http.Handler{"login.microsoftonline.com": azure.Authority(), "*.azurecr.io": azure.Registry(upstream(ts))}
	c.vaults = map[string]*azuretest.Vault{}
	for _, name := range args {
		host := name + ".vault.azure.net"
		c.vaults[name] = azure.NewVault(host)
		hosts[host] = c.vaults[name]
	}
	c.start(ts, hosts, map[string]string{"AZURE_TENANT_ID": azure.Tenant, "AZURE_CLIENT_ID": azure.ClientID},
		"AZURE_FEDERATED_TOKEN_FILE", azure.Assertion(azure.Subject, azuretest.AssertionAudience, time.Now().Add(time.Hour)))
}

// vaultCommand is the command `vault VAULT certificate|key NAME VERSION FILE`, which
// adds a version, of a private key one that signs, and `vault VAULT disable PATH VERSION`.
func vaultCommand(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	switch {
	case neg || len(args) < 4 || c.vaults[args[0]] == nil:
		ts.Fatalf("usage: vault VAULT certificate|key NAME VERSION FILE, or vault VAULT disable PATH VERSION, after azure")
	case args[1] == "disable":
		c.vaults[args[0]].Disable(args[2], args[3])
		return
	}
	c.added++
	version := azuretest.Version{Version: args[3], Created: time.Unix(1750000000+int64(c.added), 0)}
	if args[1] == "certificate" {
		version.ContentType, version.Value = "application/x-pem-file", ts.ReadFile(args[4])
		c.vaults[args[0]].PutSecret(args[2], version)
		return
	}
	var err error
	if version.Private, err = privateKey(ts.ReadFile(args[4])); err != nil {
		version.Key = publicKey(ts, args[4])
	}
	c.vaults[args[0]].PutKey(args[2], version)
}

// startAlibaba is the command `alibaba NAME=ID...`: Alibaba Cloud with these instances
// in cn-hangzhou in front of the script's registry. What runs next is a pod with RRSA.
func startAlibaba(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: alibaba NAME=ID...")
	}
	c := scriptCloud(ts)
	c.alibaba = cloudtest.NewAlibaba(c.tb)
	for _, arg := range args {
		name, id, _ := strings.Cut(arg, "=")
		c.alibaba.Instances = append(c.alibaba.Instances, cloudtest.AlibabaInstance{ID: id, Name: name, Region: "cn-hangzhou"})
	}
	hosts := c.alibaba.Hosts()
	maps.Copy(hosts, c.alibaba.Registries(upstream(ts)))
	c.start(ts, hosts, map[string]string{"ALIBABA_CLOUD_ROLE_ARN": cloudtest.AlibabaRole, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": cloudtest.AlibabaProvider},
		"ALIBABA_CLOUD_OIDC_TOKEN_FILE", c.alibaba.ServiceAccountToken(cloudtest.AlibabaSubject, "sts.aliyuncs.com", time.Hour))
}

// kmsCommand is the command `kms create ID SPEC`, which makes a key of Alibaba Cloud,
// `kms import ID KEY`, by which KEY is its one version, `kms rotate ID` and `kms
// state ID STATE`.
func kmsCommand(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	if neg || len(args) < 2 || c.alibaba == nil {
		ts.Fatalf("usage: kms create ID SPEC, kms import ID KEY, kms rotate ID or kms state ID STATE, after alibaba")
	}
	id, arg := args[1], strings.Join(args[2:], " ")
	switch args[0] {
	case "create":
		c.alibaba.AddKey(c.tb, id, arg)
	case "rotate":
		c.alibaba.Rotate(c.tb, id)
	case "state":
		c.alibaba.SetState(id, arg)
	case "import":
		key, err := privateKey(ts.ReadFile(arg))
		ts.Check(err)
		c.alibaba.ImportKey(id, key)
	default:
		ts.Fatalf("kms %s: unknown", args[0])
	}
}

// asked is the command `[!] asked HOST`: that was asked, or was not.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	if len(args) != 1 || c.proxy == nil {
		ts.Fatalf("usage: [!] asked HOST, after azure or alibaba")
	}
	if n := c.proxy.Count(args[0]); neg != (n == 0) {
		ts.Fatalf("%s was asked %d times", args[0], n)
	}
}

// notRobbed is the command `not-robbed`: a registry that only looks like one of the
// cloud's was asked, and was given nothing.
func notRobbed(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	switch {
	case neg || len(args) != 0 || c.proxy == nil:
		ts.Fatalf("usage: not-robbed, after azure or alibaba")
	case !c.robber.asked.Load():
		ts.Fatalf("nobody asked it")
	case c.robber.given.Load():
		ts.Fatalf("it was given a credential")
	}
}
