// SPDX-License-Identifier: Apache-2.0

package awsecr_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/aws"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/awsecr"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/awstest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const (
	host  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	api   = "api.ecr.eu-central-1.amazonaws.com"
	sts   = "sts.eu-west-1.amazonaws.com"
	token = "aaa.bbb.ccc"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// scene is a pod with the environment of IRSA.
type scene struct {
	aws      *awstest.AWS
	hosts    *hosts.Hosts
	handlers map[string]http.Handler
	env      map[string]string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{aws: awstest.New(func() time.Time { return now })}
	s.handlers = map[string]http.Handler{sts: s.aws.STS(), api: s.aws.ECR(), "ecr-fips.us-gov-west-1.amazonaws.com": s.aws.ECR(), "api.ecr.cn-north-1.amazonaws.com.cn": s.aws.ECR()}
	s.hosts = hosts.New(t, s.handlers)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.aws.Trust(token, now.Add(time.Hour))
	s.env = map[string]string{"AWS_ROLE_ARN": s.aws.Role, "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_REGION": "eu-west-1"}
	return s
}

func (s *scene) identity() aws.Options {
	return aws.Options{Env: func(k string) string { return s.env[k] }, Transport: s.hosts.Transport(), Now: func() time.Time { return now }}
}

func (s *scene) provider(t *testing.T) credentials.Provider {
	t.Helper()
	p, err := awsecr.New(awsecr.Options{Identity: s.identity()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEachMethodGivesThePassword(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	agent := httptest.NewServer(s.aws.Agent())
	defer agent.Close()
	id, secret := s.aws.AccessKey()
	for name, env := range map[string]map[string]string{
		"service account": s.env,
		"pod identity":    {"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL + "/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": s.env["AWS_WEB_IDENTITY_TOKEN_FILE"]},
		"access key":      {"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret},
	} {
		s.env = env
		if got, err := s.provider(t).Credential(t.Context(), host); err != nil || !s.aws.Accepts(got.Username, got.Password) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartitionsHaveTheirOwnAddresses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	for _, h := range []string{host, "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012.dkr-ecr.eu-central-1.on.aws"} {
		if got, err := p.Credential(t.Context(), h); err != nil || !s.aws.Accepts(got.Username, got.Password) {
			t.Errorf("%s: %v", h, err)
		}
	}
	if s.aws.Assumed() != 1 {
		t.Errorf("%d keys for one role, want 1", s.aws.Assumed())
	}
}

// The public registry is anonymous unless it is wanted.
func TestPublicRegistry(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.handlers["api.ecr-public.us-east-1.amazonaws.com"] = s.aws.ECRPublic()
	if p := s.provider(t); p.Owns(awsecr.PublicHost) {
		t.Error("it is owned, and nobody wants it")
	}
	p, err := awsecr.New(awsecr.Options{Identity: s.identity(), Public: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Credential(t.Context(), awsecr.PublicHost); err != nil || !p.Owns(awsecr.PublicHost) || !s.aws.Accepts(got.Username, got.Password) {
		t.Errorf("%v", err)
	}
	if p.Owns("public.ecr.aws.evil.io") || p.Owns("x.public.ecr.aws") || p.Owns("public.ecr.aws:8443") {
		t.Error("a look-alike is owned")
	}
	s.handlers["api.ecr-public.us-east-1.amazonaws.com"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	p, err = awsecr.New(awsecr.Options{Identity: s.identity(), Public: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Credential(t.Context(), awsecr.PublicHost); err == nil || !strings.Contains(err.Error(), "get authorization token: the token is not") {
		t.Errorf("without a token: %v", err)
	}
}

func TestOneRequestForAll(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, err := p.Credential(t.Context(), host); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := s.hosts.Requests(); len(got) != 2 {
		t.Errorf("requests: %q", got)
	}
}

func TestLookAlikesGetNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := s.provider(t)
	for _, h := range []string{
		host + ".evil.io", "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.io", host + ":8443", host + ".", "x" + host, "12345678901.dkr.ecr.eu-central-1.amazonaws.com",
		"123456789012.dkr.ecr.eu-central-1.evil.com", "123456789012.dkr.ecr.eu-central-1-amazonaws.com", "123456789012.dkr.ecr.evil.io/.amazonaws.com", "123456789012.dkr.ecr.amazonaws.com",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com", "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn", "public.ecr.aws", "123456789012.dkr.ecr.a_b.amazonaws.com", "",
	} {
		if p.Owns(h) {
			t.Errorf("%q is owned", h)
		}
		if got, err := p.Credential(t.Context(), h); err == nil || got != auth.EmptyCredential {
			t.Errorf("%q: %v", h, err)
		}
	}
	if got := s.hosts.Requests(); len(got) != 0 {
		t.Errorf("requests: %q", got)
	}
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	t.Parallel()
	reply := func(at string, status int, body string) func(*testing.T, *scene) {
		return func(_ *testing.T, s *scene) {
			s.handlers[at] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://evil.example/take")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
		}
	}
	for _, tt := range []struct {
		name      string
		fail      func(*testing.T, *scene)
		want      string
		retryable bool
	}{
		{"expired token", func(_ *testing.T, s *scene) { s.aws.Trust(token, now) }, "assume role: ExpiredTokenException the service account token has expired; does the kubelet still renew the token file? (request id request-1)", false},
		{"role not assumable", func(_ *testing.T, s *scene) { s.env["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/other" }, "assume role: AccessDenied the role does not trust this service account", false},
		{"no token file", func(_ *testing.T, s *scene) { s.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/none" }, "read service account token", true},
		{"empty token file", func(t *testing.T, s *scene) {
			t.Helper()
			if err := os.WriteFile(s.env["AWS_WEB_IDENTITY_TOKEN_FILE"], nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "holds no token", true},
		{"STS is down", reply(sts, 503, "hunter2"), "assume role: 503", true},
		{"STS redirects", reply(sts, 307, ""), "evil.example, which is not followed", false},
		{"STS answers nothing", reply(sts, 200, "<a/>"), "no temporary key", false},
		{"STS answers no XML", reply(sts, 200, "hunter2"), "not in the form", false},
		{"no permission", reply(api, 400, `{"__type":"AccessDeniedException","Message":"User is not authorized"}`), "get authorization token: AccessDeniedException User is not authorized", false},
		{"throttled with 400", reply(api, 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`), "ThrottlingException", true},
		{"unexpected types", reply(api, 400, `{"__type":404,"message":["hunter2"]}`), "get authorization token: 400", false},
		{"no data", reply(api, 200, `{}`), "no authorization data", false},
		{"token without a colon", reply(api, 200, `{"authorizationData":[{"authorizationToken":"aHVudGVyMg=="}]}`), "USER:PASSWORD", false},
		{"token that is no base64", reply(api, 200, `{"authorizationData":[{"authorizationToken":"hunter2!"}]}`), "USER:PASSWORD", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.fail(t, s)
			got, err := s.provider(t).Credential(t.Context(), host)
			e, ok := errors.AsType[*credentials.Error](err)
			if !ok || got != auth.EmptyCredential || !strings.HasPrefix(err.Error(), "credential provider aws_ecr: ") || !strings.Contains(err.Error(), tt.want) || e.Retryable != tt.retryable {
				t.Errorf("%+v, %v", got, err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v: has a secret", err)
			}
		})
	}
}

func TestMissingSettingsAreNamed(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE":            {},
		"role_arn":                               {"AWS_WEB_IDENTITY_TOKEN_FILE": "f", "AWS_ROLE_ARN": "arn:aws:iam::1:user/x"},
		"region":                                 {"AWS_WEB_IDENTITY_TOKEN_FILE": "f", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "AWS_REGION": "evil.io/"},
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/v1"},
		"loopback":                               {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/v1", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "f"},
		"AWS_SECRET_ACCESS_KEY":                  {"AWS_ACCESS_KEY_ID": "AKIA"},
	} {
		_, err := awsecr.New(awsecr.Options{Identity: aws.Options{Env: func(k string) string { return env[k] }}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
}
