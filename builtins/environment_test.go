// SPDX-License-Identifier: Apache-2.0

package builtins_test

import (
	"encoding/json"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

func TestRuntimeHidesSecrets(t *testing.T) {
	t.Parallel()
	runtime := ast.MustParseTerm(`{"version": "1", "env": {
		"HOME": "/home/me", "PWD": "/work", "PATH": "/bin",
		"GITHUB_TOKEN": "s3cret", "ALIBABA_CLOUD_ACCESS_KEY_ID": "s3cret", "AZURE_CLIENT_SECRET": "s3cret",
		"db_password": "s3cret", "MYSQL_PWD": "s3cret", "HTTPS_PROXY": "http://me:s3cret@proxy.example:3128"
	}}`)
	results, err := rego.New(rego.Query("x := opa.runtime()"), rego.Runtime(runtime)).Eval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(results[0].Bindings["x"])
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version string
		Env     map[string]string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "1" || len(got.Env) != 9 {
		t.Fatalf("got %s", raw)
	}
	for name, value := range got.Env {
		visible := name == "HOME" || name == "PWD" || name == "PATH"
		if (value != "[redacted]") != visible {
			t.Errorf("%s = %q", name, value)
		}
	}
}
