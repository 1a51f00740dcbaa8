// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// folder is where opa-ratify reads files, and reads them again when they change.
type folder string

// read returns a file's content; nil if it cannot be read, for then it is to be written.
func (d folder) read(name string) []byte {
	content, err := os.ReadFile(filepath.Join(string(d), name))
	if err != nil {
		return nil
	}
	return content
}

func (d folder) has(name string) bool { return len(d.read(name)) > 0 }

// write replaces a file as a whole, so that nobody reads half of it.
func (d folder) write(name string, content []byte) error {
	f, err := os.CreateTemp(string(d), "."+name+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(string(d), name))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
