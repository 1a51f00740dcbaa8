// SPDX-License-Identifier: Apache-2.0

package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("four"), []byte("1234"), 0o600), os.WriteFile(at("empty"), nil, 0o600),
		os.Symlink("four", at("link")), syscall.Mkfifo(at("pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path  string
		limit int64
		want  string
		err   error
	}{
		{path: at("four"), limit: 4, want: "1234"},
		{path: at("link"), limit: 4, want: "1234"},
		{path: at("empty"), limit: 4},
		{path: at("four"), limit: 3, err: files.ErrTooLarge},
		{path: at("gone"), limit: 4, err: fs.ErrNotExist},
		{path: dir, limit: 4, err: files.ErrNotRegular},
		{path: at("pipe"), limit: 4, err: files.ErrNotRegular}, // opening it would wait for a writer
		{path: "/dev/zero", limit: 4, err: files.ErrNotRegular},
	} {
		got, err := files.Read(tt.path, tt.limit)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v", tt.path, got, err)
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%s: the error names the file: %v", tt.path, err)
		}
	}
}
