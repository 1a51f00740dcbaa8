// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins"
	"github.com/opa-ratify/opa-ratify/builtins/command/migrate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/plugin"
	"github.com/opa-ratify/opa-ratify/rego"
)

var update = flag.Bool("update", false, "rewrite the golden files") //nolint:gochecknoglobals // a flag

func TestMain(m *testing.M) {
	builtins.Register()
	rego.Install()
	os.Exit(m.Run())
}

// TestGolden migrates the files of each archive whose names begin with in/ and
// compares what comes out with those that begin with out/.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := migrated(t, archive)
			if *update {
				if err := os.WriteFile(name, txtar.Format(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" && !*update {
				t.Errorf("%s (-want +got); -update rewrites it:\n%s", name, diff)
			}
		})
	}
}

// TestWrittenConfigurationIsRead has the plugin read every golden config.yaml.
func TestWrittenConfigurationIsRead(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden files", err)
	}
	sections := map[string]int{}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name != "out/config.yaml" {
				continue
			}
			for section := range readable(t, name, f.Data) {
				sections[section]++
			}
		}
	}
	if sections["credentials"] == 0 || sections["key_providers"] == 0 {
		t.Errorf("sections %v; no credentials or key providers were read", sections)
	}
}

// readable returns the sections of a config.yaml, which the plugin has to accept.
func readable(t *testing.T, name string, raw []byte) map[string]any {
	t.Helper()
	var written struct {
		Plugins struct{ Ratify map[string]any }
	}
	fatal(t, yaml.Unmarshal(raw, &written))
	delete(written.Plugins.Ratify, "docker_config") // names a file that is not on this machine
	section, err := yaml.Marshal(written.Plugins.Ratify)
	fatal(t, err)
	manager, err := plugins.New(nil, "test", inmem.New())
	fatal(t, err)
	if _, err := (plugin.Factory{}).Validate(manager, section); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return written.Plugins.Ratify
}

// migrated returns the archive with what its files become.
func migrated(t *testing.T, archive *txtar.Archive) *txtar.Archive {
	t.Helper()
	got := &txtar.Archive{Comment: archive.Comment}
	findings, set := &finding.List{}, &resource.Set{}
	for _, f := range archive.Files {
		in, ok := strings.CutPrefix(f.Name, "in/")
		if !ok {
			continue
		}
		got.Files = append(got.Files, f)
		for _, root := range source.Parse(in, f.Data, findings) {
			set.Add(source.Document{Root: root, Listed: true})
		}
	}
	files, err := migrate.Convert(context.Background(), set, "/home/user", findings)
	if err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	if err := (finding.Summary{Findings: findings.Sorted()}).Table(&report); err != nil {
		t.Fatal(err)
	}
	got.Files = append(
		got.Files,
		txtar.File{Name: "out/data.yaml", Data: files["trust/data.yaml"]},
		txtar.File{Name: "out/config.yaml", Data: files["config.yaml"]},
		txtar.File{Name: "out/report", Data: report.Bytes()},
	)
	for name, data := range files {
		if strings.HasPrefix(name, "untranslated/") {
			got.Files = append(got.Files, txtar.File{Name: "out/" + name, Data: data})
		}
	}
	return got
}
