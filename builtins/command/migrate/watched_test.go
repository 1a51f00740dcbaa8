// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/command/migrate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// TestWatchedAsMigrated: the resources of the walkthroughs become the same trust and
// the same configuration whether they are migrated or watched. Only key providers
// have other names.
func TestWatchedAsMigrated(t *testing.T) {
	t.Parallel()
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	for _, page := range []string{"migrate_azure", "migrate_alibabacloud"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile("../../../test/script/testdata/manual/" + page + ".txtar")
			fatal(t, err)
			findings, set, state := &finding.List{}, &resource.Set{}, &standing.State{}
			for _, f := range archive.Files {
				if !strings.HasPrefix(f.Name, "ratify/") {
					continue
				}
				if bytes.HasSuffix(f.Data, []byte("value: |\n")) {
					f.Data = append(f.Data, []byte("      "+strings.ReplaceAll(strings.TrimSpace(string(ca.PEM())), "\n", "\n      ")+"\n")...)
				}
				for _, root := range source.Parse(f.Name, f.Data, findings) {
					set.Add(source.Document{Root: root})
				}
				watch(t, state, f.Data)
			}
			files, err := migrate.Convert(context.Background(), set, "/home/user", findings)
			fatal(t, err)
			outcome, err := state.Decide(standing.Options{
				Translate: translate.Options{Home: "/home/user", Certificates: translate.CertificateFiles},
				Parse: func(raw []byte) error {
					_, err := trust.Parse(raw, trust.Options{Now: time.Now})
					return err
				},
			})
			fatal(t, err)
			if len(outcome.Verdicts) < 3 {
				t.Errorf("%d resources", len(outcome.Verdicts))
			}
			for k, v := range outcome.Verdicts {
				if v.Error != "" {
					t.Errorf("%s: %s", k.Title(), v.Error)
				}
			}
			wanted := readable(t, "config.yaml", files["config.yaml"])
			if diff := cmp.Diff(wanted, decoded(t, outcome.Section), anyOrder()); diff != "" || wanted["credentials"] == nil {
				t.Errorf("configuration (-migrated +watched):\n%s", diff)
			}
			raw, err := json.Marshal(outcome.Trust)
			fatal(t, err)
			if diff := cmp.Diff(decoded(t, files["trust/data.yaml"]), decoded(t, raw)); diff != "" {
				t.Errorf("trust (-migrated +watched):\n%s", diff)
			}
		})
	}
}

// watch puts the resources of a file into a state.
func watch(t *testing.T, state *standing.State, file []byte) {
	t.Helper()
	for d := yaml.NewDecoder(bytes.NewReader(file)); ; {
		var r map[string]any
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			return
		}
		fatal(t, err)
		delete(r, "status")
		raw, err := json.Marshal(r)
		fatal(t, err)
		kind, _ := r["kind"].(string)
		name, _ := r["metadata"].(map[string]any)["name"].(string)
		state.Put(standing.Key{Kind: kind, Name: name}, raw)
	}
}

// anyOrder: providers are found by their names. Of credentials the first counts.
func anyOrder() cmp.Option {
	sorted := cmpopts.SortSlices(func(a, b any) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	return cmp.FilterPath(func(p cmp.Path) bool { return strings.HasSuffix(p.GoString(), `["key_providers"].([]any)`) }, sorted)
}

// decoded reads YAML or JSON, with key providers named as the migration names them.
func decoded(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	fatal(t, yaml.Unmarshal(bytes.ReplaceAll(raw, []byte("KeyManagementProvider/"), nil), &m))
	return m
}
