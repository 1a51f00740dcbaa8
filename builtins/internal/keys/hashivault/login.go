// SPDX-License-Identifier: Apache-2.0

package hashivault

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

// Auth says how to log in: exactly one of TokenFile, TokenEnv, KubernetesRole and
// RoleIDFile. Files are read at each use.
type Auth struct {
	TokenFile           string
	TokenEnv            string // name of a variable
	KubernetesRole      string
	KubernetesTokenFile string // "": the service account's
	RoleIDFile          string // of an AppRole
	SecretIDFile        string
	Mount               string // of the method; "": "kubernetes" or "approle"
}

// serviceAccountToken is where Kubernetes puts it.
const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// maxSecretBytes bounds a token in a file: a service account's has 1 or 2 KiB.
const maxSecretBytes = 64 << 10

// token is what a login gave.
type token struct {
	value string
	until time.Time // it is not used from then on; zero: it does not expire
}

// login returns a token, the one at hand while it is good.
func (s *Source) login(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.token; t.value != "" && (t.until.IsZero() || s.o.Now().Before(t.until)) {
		return t.value, nil
	}
	t, err := s.newToken(ctx)
	if err == nil {
		s.token = t
	}
	return t.value, err
}

// forget drops a token that was refused. It reports false if another login is no
// help: a token that was given, not earned.
func (s *Source) forget(refused string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.value == refused {
		s.token = token{}
	}
	return s.o.Auth.KubernetesRole != "" || s.o.Auth.RoleIDFile != ""
}

func (s *Source) newToken(ctx context.Context) (token, error) {
	switch a := s.o.Auth; {
	case a.TokenFile != "":
		value, err := secret(a.TokenFile)
		return s.given(value), err
	case a.TokenEnv != "":
		value := strings.TrimSpace(s.o.Env(a.TokenEnv))
		if value == "" {
			return token{}, &keys.Error{Step: "log in", Message: "the environment variable " + a.TokenEnv + " is empty"}
		}
		return s.given(value), nil
	case a.KubernetesRole != "":
		jwt, err := secret(cmp.Or(a.KubernetesTokenFile, serviceAccountToken))
		if err != nil {
			return token{}, err
		}
		return s.earn(ctx, cmp.Or(a.Mount, "kubernetes"), map[string]string{"role": a.KubernetesRole, "jwt": jwt})
	case a.RoleIDFile != "":
		role, err := secret(a.RoleIDFile)
		if err != nil {
			return token{}, err
		}
		id, err := secret(a.SecretIDFile)
		if err != nil {
			return token{}, err
		}
		return s.earn(ctx, cmp.Or(a.Mount, "approle"), map[string]string{"role_id": role, "secret_id": id})
	default:
		return token{}, &keys.Error{Step: "log in", Message: "no way to log in is configured"}
	}
}

// given is a token that somebody else renews: it is read again each time.
func (s *Source) given(value string) token { return token{value: value, until: s.o.Now()} }

// earn logs in by a method. The token is used for three quarters of its life.
func (s *Source) earn(ctx context.Context, mount string, proof map[string]string) (token, error) {
	const step = "log in"
	raw, err := s.send(ctx, step, http.MethodPost, "auth/"+strings.Trim(mount, "/")+"/login", "", proof)
	if err != nil {
		return token{}, err
	}
	var answer struct {
		Auth struct {
			Token string `json:"client_token"`
			Lease int64  `json:"lease_duration"` // seconds
		} `json:"auth"`
	}
	if json.Unmarshal(raw, &answer) != nil || answer.Auth.Token == "" {
		return token{}, &keys.Error{Step: step, Message: "the answer has no client_token"}
	}
	const longest = 24 * 3600
	lease := time.Duration(min(max(answer.Auth.Lease, 0), longest)) * time.Second
	return token{value: answer.Auth.Token, until: s.o.Now().Add(lease * 3 / 4)}, nil
}

// secret reads one from a file. The error never holds it.
func secret(path string) (string, error) {
	raw, err := files.Read(path, maxSecretBytes)
	if err != nil {
		return "", &keys.Error{Step: "read " + path, Message: err.Error(), Retryable: true, Err: err}
	}
	if value := strings.TrimSpace(string(raw)); value != "" {
		return value, nil
	}
	return "", &keys.Error{Step: "read " + path, Message: "it is empty", Retryable: true}
}
