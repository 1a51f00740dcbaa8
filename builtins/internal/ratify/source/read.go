// SPDX-License-Identifier: Apache-2.0

// Package source reads the files of a migration as values that know their file,
// line and column, and what was asked of them.
//
//	paths ──▶ files ──YAML or JSON──▶ documents ──checks──▶ values
//
// Files are written by strangers: sizes, numbers and depth are bounded, aliases
// are refused, and a key that appears twice is named.
package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/files"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
)

const (
	maxFileBytes = 8 << 20 // a hundred times the largest set of resources in use
	maxFiles     = 1000    // of one directory; more is somebody's home
	maxDocuments = 10_000  // of one file
	maxDepth     = 100     // of one document; the deepest resource has about 12
)

// Document is one document of a file.
type Document struct {
	Root Value
	// Listed reports that the file was found in a directory: it may be none of
	// ours.
	Listed bool
}

// Read returns the documents of files and directories; "-" is in. What cannot be
// read is noted as [finding.Unreadable], and the rest is returned.
func Read(paths []string, in io.Reader, findings *finding.List) []Document {
	var documents []Document
	for _, path := range paths {
		names, listed, err := list(path, findings)
		if err != nil {
			findings.Add(finding.Unreadable, finding.Place{File: path}, files.Cause(err).Error(), "")
			continue
		}
		for _, name := range names {
			raw, err := load(name, in)
			if err != nil {
				findings.Add(finding.Unreadable, finding.Place{File: name}, files.Cause(err).Error(), "")
				continue
			}
			for _, root := range Parse(called(name), raw, findings) {
				documents = append(documents, Document{Root: root, Listed: listed})
			}
		}
	}
	return documents
}

func called(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func load(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return bounded(in)
	}
	return files.Read(name, maxFileBytes)
}

func bounded(in io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err == nil && len(raw) > maxFileBytes {
		err = fmt.Errorf("more than %d bytes", maxFileBytes)
	}
	return raw, err
}

// list returns the files of a directory that may be ours, or the file itself.
func list(path string, findings *finding.List) (names []string, listed bool, err error) {
	if path == "-" {
		return []string{path}, false, nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, false, err
	}
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != path && unwanted(name, findings):
			return filepath.SkipDir
		case d.IsDir() || !wanted(d.Name()):
			return nil
		case len(names) == maxFiles:
			return fmt.Errorf("more than %d files", maxFiles)
		}
		names = append(names, name)
		return nil
	})
	if err == nil && len(names) == 0 {
		err = errors.New("no file in it ends in .yaml, .yml or .json")
	}
	slices.Sort(names)
	return names, true, err
}

func wanted(name string) bool {
	return !strings.HasPrefix(name, ".") && name != "Chart.yaml" && name != "values.schema.json" &&
		slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name)))
}

// unwanted leaves out hidden folders and, of a Helm chart, all but its values.
func unwanted(name string, findings *finding.List) bool {
	if strings.HasPrefix(filepath.Base(name), ".") {
		return true
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(name), "Chart.yaml")); err != nil {
		return false
	}
	if filepath.Base(name) == "templates" {
		findings.Add(finding.Note, finding.Place{File: name}, "templates of a chart are not rendered; its values are migrated as Ratify's chart renders them",
			"of a chart that was changed migrate what it renders: helm template … | opa-ratify migrate -")
	}
	return slices.Contains([]string{"templates", "charts", "crds"}, filepath.Base(name))
}
