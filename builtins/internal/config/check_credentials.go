// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *Config) checkCredentials(d *decoder) {
	for i := range c.Credentials {
		e, path := &c.Credentials[i], fmt.Sprintf("%s.credentials[%d]", section, i)
		if e.Match != "" {
			e.Match = checkPattern(d, path+".match", e.Match)
		}
		switch e.Provider {
		case CredentialStatic:
			e.checkStatic(d, path)
		case CredentialDockerConfig:
			e.DockerConfig.check(d, path)
		case CredentialKubernetesSecrets:
			e.KubernetesSecrets.check(d, path)
		case CredentialAzure:
			e.checkAzure(d, path)
		case CredentialAlibaba:
			e.Alibaba.check(d, path)
		default: // reported as a choice, or without settings
		}
	}
}

// checkStatic: one credential for every registry would go to whatever host an
// image names (threat: an attacker's registry collects it).
func (e *Credential) checkStatic(d *decoder, path string) {
	switch {
	case e.Match == "":
		d.missing(path, "match", "the host[:port] that this credential is for")
	case e.Match == "*":
		d.report(path+".match", `would send one credential to every registry that an image names; write the host[:port] it is for`)
	}
	s := e.Static
	sources := count(s.PasswordFile != "", s.PasswordEnv != "", s.IdentityTokenFile != "")
	switch {
	case sources != 1:
		d.report(path, "has %d of password_file, password_env and identity_token_file; write exactly one", sources)
	case s.IdentityTokenFile == "" && s.Username == "":
		d.missing(path, "username", "the user that the password is of")
	case s.IdentityTokenFile != "" && s.Username != "":
		d.report(path+".username", "is set beside identity_token_file, which needs none; remove it")
	}
	checkReadable(d, path+".password_file", s.PasswordFile)
	checkReadable(d, path+".identity_token_file", s.IdentityTokenFile)
	checkSecretEnv(d, path+".password_env", s.PasswordEnv)
}

func (c *DockerCredentials) check(d *decoder, path string) {
	if c.Path == "" {
		d.missing(path, "path", "the path of a config.json")
	}
	checkReadable(d, path+".path", c.Path)
}

func (c *KubernetesCredentials) check(d *decoder, path string) {
	for i, s := range c.Secrets {
		if s.Name == "" {
			d.missing(fmt.Sprintf("%s.secrets[%d]", path, i), "name", "the name of the Secret")
		}
	}
	if c.RefreshInterval == 0 {
		c.RefreshInterval = time.Minute
	}
	if c.RefreshInterval < 10*time.Second || c.RefreshInterval > 24*time.Hour {
		d.report(path+".refresh_interval", "%v: out of range; write 10s to 24h", c.RefreshInterval)
	}
}

func checkReadable(d *decoder, path, file string) {
	if file == "" {
		return
	}
	if _, err := readFile(file); err != nil {
		d.report(path, "%s: %v", quote(file), err)
	}
}

// checkSecretEnv: opa.runtime() shows every policy the environment, but for
// variables whose names say that they are secret.
func checkSecretEnv(d *decoder, path, variable string) {
	hidden := func(word string) bool { return strings.Contains(strings.ToUpper(variable), word) }
	if variable != "" && !slices.ContainsFunc([]string{"SECRET", "TOKEN", "PASSW"}, hidden) {
		d.report(path, "%s: every policy could read this variable by opa.runtime(); give it a name with PASSWORD, TOKEN or SECRET in it", quote(variable))
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
