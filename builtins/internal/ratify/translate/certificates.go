// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxCertificates bounds the files below one path.
const maxCertificates = 1000

// CertificateFiles lists the files below a path, or the file itself, as Ratify reads
// certificates.
func CertificateFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var names []string
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case len(names) == maxCertificates:
			return fmt.Errorf("more than %d files", maxCertificates)
		}
		if target, err := os.Stat(name); err == nil && target.Mode().IsRegular() && !d.IsDir() {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}
