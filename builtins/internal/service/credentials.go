// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"os"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/dockerconfig"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/static"
)

// newCredentials builds the list of credential providers, Docker's configuration
// last.
func newCredentials(c *config.Config, d Deps) (*credentials.List, error) {
	var entries []credentials.Entry
	for i := range c.Credentials {
		e, err := credentialEntry(&c.Credentials[i], d)
		if err != nil {
			return nil, fmt.Errorf("credential provider %s: %w", c.Credentials[i].Provider, err)
		}
		entries = append(entries, perEndpoint(e, c.Credentials[i].Azure.Endpoints)...)
	}
	if !c.DockerConfig.Disabled {
		entries = append(entries, credentials.Entry{
			Name: string(config.CredentialDockerConfig), MayBeEmpty: true,
			Provider: dockerconfig.New(dockerconfig.Options{Path: c.DockerConfig.Path, Helpers: c.DockerConfig.Helpers, Now: d.Now}),
		})
	}
	return credentials.NewList(entries, d.Metrics.Credential), nil
}

// credentialEntry is the one list of credential providers.
func credentialEntry(c *config.Credential, d Deps) (credentials.Entry, error) {
	e := credentials.Entry{Name: string(c.Provider), Match: c.Match}
	switch c.Provider {
	case config.CredentialAnonymous:
	case config.CredentialStatic:
		e.Provider = static.New(static.Options{
			Username: c.Static.Username, PasswordFile: c.Static.PasswordFile, PasswordEnv: c.Static.PasswordEnv,
			IdentityTokenFile: c.Static.IdentityTokenFile, Env: os.Getenv,
		})
	case config.CredentialDockerConfig:
		e.Provider = dockerconfig.New(dockerconfig.Options{Path: c.DockerConfig.Path, Helpers: c.DockerConfig.Helpers, Now: d.Now})
		e.MayBeEmpty = c.DockerConfig.Helpers // which may have none
	case config.CredentialKubernetesSecrets:
		e.Provider = pullSecrets(&c.KubernetesSecrets, d)
	default:
		var err error
		e.Provider, err = cloudCredentials(c, d)
		return e, err
	}
	return e, nil
}

// perEndpoint is one entry for each of the hosts that it is written for.
func perEndpoint(e credentials.Entry, endpoints []string) []credentials.Entry {
	if len(endpoints) == 0 {
		return []credentials.Entry{e}
	}
	all := make([]credentials.Entry, len(endpoints))
	for i, match := range endpoints {
		all[i] = e
		all[i].Match = match
	}
	return all
}
