// SPDX-License-Identifier: Apache-2.0

package dockerconfig_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/dockerconfig"
)

func basic(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":hunter2"))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	write(t, path, content)
	return path
}

func login(user string) auth.Credential {
	return auth.Credential{Username: user, Password: "hunter2"}
}

func TestCredential(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content, host string
		want                auth.Credential
	}{
		{"auth", `{"auths":{"registry.example":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"port", `{"auths":{"registry.example:5000":{"auth":"` + basic("u") + `"}}}`, "registry.example:5000", login("u")},
		{"another port", `{"auths":{"registry.example:5000":{"auth":"` + basic("u") + `"}}}`, "registry.example", auth.Credential{}},
		{"another host", `{"auths":{"registry.example":{"auth":"` + basic("u") + `"}}}`, "registry.example.evil.test", auth.Credential{}},
		{"upper case and port 443", `{"auths":{"Registry.Example:443":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"URL", `{"auths":{"https://registry.example/v2/":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"Docker Hub", `{"auths":{"https://index.docker.io/v1/":{"auth":"` + basic("u") + `"}}}`, "docker.io", login("u")},
		{"Docker Hub by name", `{"auths":{"docker.io":{"auth":"` + basic("u") + `"}}}`, "docker.io", login("u")},
		{"path", `{"auths":{"registry.example/team":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"path beside host", `{"auths":{"registry.example/team":{"auth":"` + basic("a") + `"},"registry.example":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"pattern", `{"auths":{"*.example":{"auth":"` + basic("u") + `"}}}`, "registry.example", auth.Credential{}},
		{"identity token", `{"auths":{"registry.example":{"identitytoken":"t"}}}`, "registry.example", auth.Credential{RefreshToken: "t"}},
		{"registry token", `{"auths":{"registry.example":{"registrytoken":"t"}}}`, "registry.example", auth.Credential{AccessToken: "t"}},
		{"user and password", `{"auths":{"registry.example":{"username":"u","password":"hunter2"}}}`, "registry.example", login("u")},
		{"empty", `{}`, "registry.example", auth.Credential{}},
		{"somebody else's entry is broken", `{"auths":{"a.example":{"auth":"%"},"registry.example":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
		{"helper for all, not logged in", `{"credsStore":"desktop"}`, "registry.example", auth.Credential{}},
		{"helper for all, credential in the file", `{"credsStore":"desktop","auths":{"registry.example":{"auth":"` + basic("u") + `"}}}`, "registry.example", login("u")},
	} {
		got, err := dockerconfig.New(dockerconfig.Options{Path: file(t, tt.content)}).Credential(t.Context(), tt.host)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v", tt.name, got, err)
		}
	}
}

func TestErrorsNameTheFileAndKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, hint string }{
		{"not JSON", `hunter2`, "JSON"},
		{"broken entry", `{"auths":{"registry.example":{"auth":"hunter2!"}}}`, "base64"},
		{"helper for all", `{"credsStore":"desktop","auths":{"registry.example":{}}}`, "docker-credential-desktop"},
		{"helper for the host", `{"credHelpers":{"registry.example":"ecr-login"}}`, "docker_config.helpers"},
		{"too large", `{"x":"` + strings.Repeat("hunter2", 200_000) + `"}`, "bytes"},
	} {
		path := file(t, tt.content)
		got, err := dockerconfig.New(dockerconfig.Options{Path: path}).Credential(t.Context(), "registry.example")
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.hint) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got != auth.EmptyCredential {
			t.Errorf("%s: %+v beside an error", tt.name, got)
		}
	}
}

func TestMissingFileIsAnonymous(t *testing.T) {
	t.Parallel()
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "no", "directory")} {
		got, err := dockerconfig.New(dockerconfig.Options{Path: path}).Credential(t.Context(), "registry.example")
		if err != nil || got != auth.EmptyCredential {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
}

func TestDirectoryIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := dockerconfig.New(dockerconfig.Options{Path: t.TempDir()}).Credential(t.Context(), "registry.example"); err == nil {
		t.Error("no error")
	}
}

func TestDockerConfigVariable(t *testing.T) {
	path := file(t, `{"auths":{"registry.example":{"auth":"`+basic("u")+`"}}}`)
	t.Setenv("DOCKER_CONFIG", filepath.Dir(path))
	if got, err := dockerconfig.New(dockerconfig.Options{}).Credential(t.Context(), "registry.example"); err != nil || got != login("u") {
		t.Errorf("got %+v, %v", got, err)
	}
}

// changes is a store whose file changes, with a clock that passes a minute each
// time it is asked.
func changes(path string) *dockerconfig.Store {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	return dockerconfig.New(dockerconfig.Options{Path: path, Now: func() time.Time { now = now.Add(time.Minute); return now }})
}

func TestFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.json")
	s := changes(path)
	for i, step := range []struct {
		content string
		want    auth.Credential
		fails   bool
	}{
		{"", auth.Credential{}, false},
		{`{"auths":{"registry.example":{"auth":"` + basic("first") + `"}}}`, login("first"), false},
		{`{"auths":`, auth.Credential{}, true},
		{`{"auths":{"registry.example":{"auth":"` + basic("second") + `"}}}`, login("second"), false},
	} {
		if step.content != "" {
			write(t, path, step.content)
		}
		got, err := s.Credential(t.Context(), "registry.example")
		if got != step.want || (err != nil) != step.fails {
			t.Errorf("step %d: got %+v, %v", i, got, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Credential(t.Context(), "registry.example"); err != nil || got != auth.EmptyCredential {
		t.Errorf("removed: got %+v, %v", got, err)
	}
}

// Kubernetes writes a new directory and swaps the link ..data to it; size and time
// of the file may stay the same.
func TestSwappedLinkIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, version, "config.json")
		write(t, path, fmt.Sprintf(`{"auths":{"registry.example":{"auth":%q}}}`, basic("user"+version)))
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	link := func(version string) {
		next := filepath.Join(dir, "..next")
		if err := os.Symlink(version, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	link("1")
	if err := os.Symlink(filepath.Join("..data", "config.json"), filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	s := changes(filepath.Join(dir, "config.json"))
	for _, version := range []string{"1", "2"} {
		link(version)
		if got, err := s.Credential(t.Context(), "registry.example"); err != nil || got != login("user"+version) {
			t.Errorf("version %s: got %+v, %v", version, got, err)
		}
	}
}

// helper puts a credential helper on PATH that notes each run.
func helper(t *testing.T, script string) (runs func() int) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "runs")
	program := "#!/bin/sh\nread server\necho \"$1 $server\" >>" + log + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() int {
		raw, err := os.ReadFile(log)
		if err != nil {
			return 0
		}
		return strings.Count(string(raw), "\n")
	}
}

func TestHelperRunsOnceWhenEnabled(t *testing.T) { //nolint:paralleltest // sets PATH
	runs := helper(t, `echo '{"Username":"u","Secret":"hunter2"}'`)
	s := dockerconfig.New(dockerconfig.Options{Path: file(t, `{"credHelpers":{"registry.example":"test"}}`), Helpers: true})
	for range 3 {
		if got, err := s.Credential(t.Context(), "registry.example"); err != nil || got != login("u") {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestHelperOfAnotherHostDoesNotRun(t *testing.T) { //nolint:paralleltest // sets PATH
	runs := helper(t, `echo '{"Username":"u","Secret":"hunter2"}'`)
	s := dockerconfig.New(dockerconfig.Options{Path: file(t, `{"credHelpers":{"registry.example":"test"},"credsStore":"test"}`), Helpers: true})
	if got, err := s.Credential(t.Context(), "evil.example"); err != nil || got != auth.EmptyCredential || runs() != 0 {
		t.Errorf("got %+v, %v, %d runs", got, err, runs())
	}
}

func TestFailingHelperIsAnError(t *testing.T) { //nolint:paralleltest // sets PATH
	helper(t, `echo "token=hunter2 is locked"; exit 1`)
	s := dockerconfig.New(dockerconfig.Options{Path: file(t, `{"credHelpers":{"registry.example":"test"}}`), Helpers: true})
	_, err := s.Credential(t.Context(), "registry.example")
	if err == nil || !strings.Contains(err.Error(), "docker-credential-test") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestHelperIsNoPath(t *testing.T) {
	t.Parallel()
	s := dockerconfig.New(dockerconfig.Options{Path: file(t, `{"credHelpers":{"registry.example":"../../tmp/x"}}`), Helpers: true})
	if _, err := s.Credential(t.Context(), "registry.example"); err == nil || !strings.Contains(err.Error(), "not the name") {
		t.Errorf("got %v", err)
	}
}
