// SPDX-License-Identifier: Apache-2.0

package distributiontest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"
)

// passwords writes the accounts as the registry reads them and returns that part of its
// configuration.
func passwords(o Options) (string, error) {
	var file bytes.Buffer
	for name, account := range o.Accounts {
		hash, err := bcrypt.GenerateFromPassword([]byte(account.Password), bcrypt.MinCost)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&file, "%s:%s\n", name, hash)
	}
	path := filepath.Join(o.Dir, "htpasswd")
	return fmt.Sprintf("auth: {htpasswd: {realm: registry, path: %q}}\n", path), os.WriteFile(path, file.Bytes(), 0o600)
}
