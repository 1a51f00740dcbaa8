// SPDX-License-Identifier: Apache-2.0

package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/static"
)

func TestCredentialIsReadAtEachUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	environment := map[string]string{"REGISTRY_TOKEN": "from-env\n"}
	env := func(name string) string { return environment[name] }
	for _, tt := range []struct {
		name, content string
		o             static.Options
		want          auth.Credential
		says          string
	}{
		{name: "password", content: "hunter2\n", o: static.Options{Username: "u", PasswordFile: path}, want: auth.Credential{Username: "u", Password: "hunter2"}},
		{name: "rotated", content: "hunter3", o: static.Options{Username: "u", PasswordFile: path}, want: auth.Credential{Username: "u", Password: "hunter3"}},
		{name: "identity token", content: "hunter2", o: static.Options{IdentityTokenFile: path}, want: auth.Credential{RefreshToken: "hunter2"}},
		{name: "variable", o: static.Options{Username: "u", PasswordEnv: "REGISTRY_TOKEN", Env: env}, want: auth.Credential{Username: "u", Password: "from-env"}},
		{name: "empty variable", o: static.Options{Username: "u", PasswordEnv: "OTHER_TOKEN", Env: env}, says: "credential provider static: the environment variable OTHER_TOKEN is empty"},
		{name: "empty file", content: "\n", o: static.Options{Username: "u", PasswordFile: path}, says: "credential provider static: read " + path + ": it is empty"},
		{name: "too large", content: strings.Repeat("hunter2", 10_000), o: static.Options{IdentityTokenFile: path}, says: "too large: more than 65536 bytes"},
		{name: "no file", o: static.Options{Username: "u", PasswordFile: path + ".gone"}, says: "no such file or directory"},
		{name: "directory", o: static.Options{IdentityTokenFile: t.TempDir()}, says: "not a regular file"},
	} {
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := static.New(tt.o).Credential(t.Context(), "a.example")
		if got != tt.want || (err == nil) != (tt.says == "") {
			t.Errorf("%s: %v, %v", tt.name, got.Username, err)
		}
		if err != nil && (!strings.HasSuffix(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
