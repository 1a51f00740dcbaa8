// SPDX-License-Identifier: Apache-2.0

// Package static is the credential provider of one password or identity token, in
// a file or an environment variable.
package static

import (
	"context"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
)

// Name of the provider.
const Name = "static"

// maxBytes bounds a secret: identity tokens have some KiB.
const maxBytes = 64 << 10

// Options configures a [Provider]: exactly one of PasswordFile, PasswordEnv and
// IdentityTokenFile.
type Options struct {
	// Username goes with a password.
	Username string
	// PasswordFile and IdentityTokenFile are read at each use; line ends around
	// the secret do not count.
	PasswordFile, IdentityTokenFile string
	// PasswordEnv names an environment variable.
	PasswordEnv string
	// Env reads it. Required with PasswordEnv.
	Env func(string) string
}

// Provider gives the one credential. It may be shared between goroutines.
type Provider struct{ o Options }

// New returns a provider; files are read when they are needed.
func New(o Options) *Provider { return &Provider{o} }

// Owns returns true: which host the credential is for is what the configuration's
// match says, and nothing else can know.
func (*Provider) Owns(string) bool { return true }

// Credential reads it anew, so that a rotated secret needs no restart.
func (p *Provider) Credential(context.Context, string) (auth.Credential, error) {
	switch o := p.o; {
	case o.PasswordEnv != "":
		password := strings.TrimSpace(o.Env(o.PasswordEnv))
		if password == "" {
			return auth.EmptyCredential, &credentials.Error{Provider: Name, Message: "the environment variable " + o.PasswordEnv + " is empty"}
		}
		return auth.Credential{Username: o.Username, Password: password}, nil
	case o.IdentityTokenFile != "":
		token, err := read(o.IdentityTokenFile)
		return auth.Credential{RefreshToken: token}, err
	default:
		password, err := read(o.PasswordFile)
		if err != nil {
			return auth.EmptyCredential, err
		}
		return auth.Credential{Username: o.Username, Password: password}, nil
	}
}

// read returns a secret. The error never holds it.
func read(path string) (string, error) {
	raw, err := files.Read(path, maxBytes)
	if err != nil {
		return "", &credentials.Error{Provider: Name, Step: "read " + path, Message: err.Error(), Err: err}
	}
	if secret := strings.TrimSpace(string(raw)); secret != "" {
		return secret, nil
	}
	return "", &credentials.Error{Provider: Name, Step: "read " + path, Message: "it is empty"}
}
