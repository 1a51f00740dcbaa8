// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
)

// Check reports what [New] would object to in the key providers and credential
// providers of a configuration, one error for each. It asks nobody.
func Check(c *config.Config) error {
	d := Deps{Now: time.Now, clouds: newClouds(time.Now)}
	var problems []error
	for i := range c.KeyProviders {
		if _, err := keySource(&c.KeyProviders[i], d); err != nil {
			problems = append(problems, fmt.Errorf("key provider %q: %w", c.KeyProviders[i].Name, err))
		}
	}
	_, err := newCredentials(c, d)
	return errors.Join(append(problems, err)...)
}
