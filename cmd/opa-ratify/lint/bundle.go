// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxBundleBytes bounds what is read of one bundle, unpacked: far more than any
// policy, far less than a machine has.
const maxBundleBytes = 256 << 20

var errTooLarge = fmt.Errorf("more than %d MiB", maxBundleBytes>>20)

// bundle is the files of one bundle that matter, in the order of their names.
type bundle struct {
	name  string
	files []source
}

// source is one file.
type source struct {
	name  string // as people find it: the bundle's own path and the file's
	inner string // slash-separated, inside of the bundle
	text  []byte
}

// readBundle reads a directory, a .tar.gz or a single file.
func readBundle(name string) (bundle, error) {
	b := bundle{name: filepath.Clean(name)}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return b, err
	case info.IsDir():
		err = b.readDirectory()
	case strings.HasSuffix(name, ".tar.gz"):
		err = b.readArchive()
	default:
		err = b.readFile()
	}
	if err == nil && len(b.files) == 0 {
		err = errors.New("no .rego, data.json, data.yaml in it")
	}
	if err != nil {
		return b, fmt.Errorf("read %s: %w", name, err)
	}
	slices.SortFunc(b.files, func(a, c source) int { return strings.Compare(a.inner, c.inner) })
	return b, nil
}

func (b *bundle) readDirectory() error {
	left := int64(maxBundleBytes)
	return fs.WalkDir(os.DirFS(b.name), ".", func(inner string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && inner != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !matters(inner) || !entry.Type().IsRegular():
			return nil
		}
		f, err := os.Open(filepath.Join(b.name, filepath.FromSlash(inner)))
		if err != nil {
			return err
		}
		defer f.Close()
		return b.add(inner, f, &left)
	})
}

func (b *bundle) readArchive() error {
	f, err := os.Open(b.name)
	if err != nil {
		return err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	left := int64(maxBundleBytes)
	archive := tar.NewReader(unpacked)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		inner := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if header.Typeflag != tar.TypeReg || !matters(inner) {
			continue
		}
		if err := b.add(inner, archive, &left); err != nil {
			return err
		}
	}
}

// readFile reads one file, which is data in the root of the document if it is no
// Rego.
func (b *bundle) readFile() error {
	f, err := os.Open(b.name)
	if err != nil {
		return err
	}
	defer f.Close()
	left := int64(maxBundleBytes)
	inner := "data" + path.Ext(b.name)
	if strings.HasSuffix(b.name, ".rego") {
		inner = path.Base(b.name)
	}
	if !matters(inner) {
		return errors.New("neither .rego nor .json, .yaml, .yml, .tar.gz")
	}
	if err := b.add(inner, f, &left); err != nil {
		return err
	}
	b.files[0].name = b.name
	return nil
}

func (b *bundle) add(inner string, content io.Reader, left *int64) error {
	text, err := io.ReadAll(io.LimitReader(content, *left+1))
	if err != nil {
		return err
	}
	if *left -= int64(len(text)); *left < 0 {
		return errTooLarge
	}
	b.files = append(b.files, source{name: filepath.Join(b.name, filepath.FromSlash(inner)), inner: inner, text: text})
	return nil
}

// matters tells files that OPA reads of a bundle.
func matters(inner string) bool {
	return strings.HasSuffix(inner, ".rego") || inner == manifestFile || isData(inner)
}

const manifestFile = ".manifest"

func isData(inner string) bool {
	return slices.Contains([]string{"data.json", "data.yaml", "data.yml"}, path.Base(inner))
}
