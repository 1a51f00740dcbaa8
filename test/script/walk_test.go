// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// signingPlugin is the program that `make plugin` builds.
const signingPlugin = "notation-alibabacloud.secretmanager.plugin"

// makePlugin is the command `make-plugin`: what `make plugin` does.
func makePlugin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: make-plugin")
	}
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", ts.MkAbs(filepath.Join("bin", signingPlugin)), "./cmd/"+signingPlugin)
	build.Dir, build.Env = servetest.Product, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("%v\n%s", err, output)
	}
}

// dockerLogin is the command `docker-login HOST...`: it leaves what `docker login HOST`
// and `az acr login` do, the credential of a person who may push, in Docker's
// configuration.
func dockerLogin(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	if neg || len(args) == 0 || c.alibaba == nil && c.azure == nil {
		ts.Fatalf("usage: docker-login HOST..., after azure or alibaba")
	}
	auths := map[string]any{}
	for _, host := range args {
		login := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(cloudtest.AlibabaUser + ":" + cloudtest.AlibabaPassword))}
		if c.azure != nil {
			login["auth"] = base64.StdEncoding.EncodeToString([]byte("00000000-0000-0000-0000-000000000000:"))
			login["identitytoken"] = c.azure.RefreshToken(host)
		}
		auths[host] = login
	}
	raw, err := json.Marshal(map[string]any{"auths": auths})
	ts.Check(err)
	dir := filepath.Join(ts.Getenv("HOME"), ".docker")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600))
}

// podToken is the command `pod-token good|expired|audience|stranger`: the pod's token
// from now on is a good one, has expired, is for another service, or of another pod.
func podToken(ts *testscript.TestScript, neg bool, args []string) {
	c, kind := scriptCloud(ts), strings.Join(args, " ")
	if neg || !slices.Contains([]string{"good", "expired", "audience", "stranger"}, kind) || c.alibaba == nil && c.azure == nil {
		ts.Fatalf("usage: pod-token good|expired|audience|stranger, after azure or alibaba")
	}
	subject, audience, life := cloudtest.AlibabaSubject, "sts.aliyuncs.com", time.Hour
	if c.azure != nil {
		subject, audience = c.azure.Subject, azuretest.AssertionAudience
	}
	switch kind {
	case "expired":
		life = -time.Minute
	case "audience":
		audience = "https://kubernetes.default.svc"
	case "stranger":
		subject = "system:serviceaccount:default:default"
	}
	var token string
	if c.azure != nil {
		token = c.azure.Assertion(subject, audience, time.Now().Add(life))
	} else {
		token = c.alibaba.ServiceAccountToken(subject, audience, life)
	}
	ts.Check(os.WriteFile(ts.MkAbs("service-account-token"), []byte(token), 0o600))
}

// fault is the command `fault ACTION STATUS BODY`: Alibaba Cloud answers the action so,
// and redirects to a host that wants to be asked if the status is one of those.
func fault(ts *testscript.TestScript, neg bool, args []string) {
	c := scriptCloud(ts)
	if neg || len(args) != 3 || c.alibaba == nil {
		ts.Fatalf("usage: fault ACTION STATUS BODY, after alibaba")
	}
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	c.alibaba.Fault(args[0], func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://acr.azurecr.io.evil.example/take")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, args[2])
	})
}
