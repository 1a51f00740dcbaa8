// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
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
