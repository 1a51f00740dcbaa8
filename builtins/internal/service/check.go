// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// Check reports what [New] would object to in the key providers and credential
// providers of a configuration, without naming them. It asks nobody.
func Check(c *config.Config, d Deps) error {
	if d.Now == nil {
		d.Now = time.Now
	}
	d.clouds = newClouds(d.Now)
	var problems []error
	for i := range c.KeyProviders {
		_, err := keySource(&c.KeyProviders[i], d)
		problems = append(problems, err)
	}
	for i := range c.Credentials {
		_, err := credentialEntry(&c.Credentials[i], d)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// CheckElsewhere reports what [New] would object to on every machine, for a
// configuration that is written on one and used on another. It does not say what
// identities lack, which is in the environment.
func CheckElsewhere(c *config.Config) error {
	var problems []error
	for i := range c.KeyProviders {
		if p := &c.KeyProviders[i]; p.Type == config.KeysAzure {
			problems = append(problems, azureOptions(&p.Azure).Check())
		}
	}
	return errors.Join(problems...)
}
