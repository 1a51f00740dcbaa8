// SPDX-License-Identifier: Apache-2.0

// Package bundles embeds the bundles beside it, for `opa-ratify init` to start
// from: what is tested and served here is what users begin with.
//
// In a bundle's data a comment `# edit: what belongs here`, at the end of a line,
// marks a value that is a sample.
package bundles

import (
	"embed"
	"io/fs"
	"path"
)

// The pattern names what lies in a bundle, so that .manifest is not left out.
//
//go:embed */*
var files embed.FS

// Names lists the bundles, sorted.
func Names() []string {
	manifests, err := fs.Glob(files, "*/.manifest")
	if err != nil {
		panic("bundles: " + err.Error()) // the pattern is valid
	}
	names := make([]string, len(manifests))
	for i, manifest := range manifests {
		names[i] = path.Dir(manifest)
	}
	return names
}

// Open returns the files of a bundle. The error is [fs.ErrNotExist] if there is
// no bundle of that name.
func Open(name string) (fs.FS, error) {
	if _, err := fs.Stat(files, name+"/.manifest"); err != nil {
		return nil, err
	}
	return fs.Sub(files, name)
}
