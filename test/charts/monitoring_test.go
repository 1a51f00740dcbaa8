// SPDX-License-Identifier: Apache-2.0

package charts_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/opa-ratify/opa-ratify/test/charts"
)

// metric is the name of one of ours.
var metric = regexp.MustCompile(`\bratify_[a-z_]+`)

// Every metric that an alert or a panel asks for is one that the plugin's README lists.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../builtins/plugin/README.md")
	fatal(t, err)
	_, listed, _ := strings.Cut(string(page), "| metric | type, unit | labels |")
	known := metric.FindAllString(listed, -1)
	for _, expression := range slices.Concat(alertExpressions(t), panelExpressions(t)) {
		names := metric.FindAllString(expression, -1)
		if len(names) == 0 {
			t.Errorf("%s: asks for no metric of ours", expression)
		}
		for _, name := range names {
			if !slices.Contains(known, strings.TrimSuffix(name, "_bucket")) {
				t.Errorf("%s: builtins/plugin/README.md has no metric %s", expression, name)
			}
		}
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(expression, "$__rate_interval", "5m")); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func alerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(charts.Chart, "files/alerts.yaml"))
	fatal(t, err)
	groups, errs := rulefmt.Parse(raw, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	return groups.Groups[0].Rules
}

func alertExpressions(t *testing.T) []string {
	t.Helper()
	var expressions []string
	for _, rule := range alerts(t) {
		expressions = append(expressions, rule.Expr)
	}
	return expressions
}

func panelExpressions(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(charts.Chart, "files/dashboard.json"))
	fatal(t, err)
	var dashboard struct {
		Title  string `json:"title"`
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, RefID string } `json:"targets"`
		} `json:"panels"`
	}
	fatal(t, json.Unmarshal(raw, &dashboard))
	var expressions []string
	places := map[string]string{}
	for _, p := range dashboard.Panels {
		place := fmt.Sprint(p.GridPos.X, p.GridPos.Y)
		if there, ok := places[place]; ok || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q does not fit beside %q", p.Title, there)
		}
		places[place] = p.Title
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}

// Each alert is raised by what it is about, and not by what is well.
func TestAlerts(t *testing.T) {
	t.Parallel()
	const well = `
	ratify_inflight_verifications 0x360
	ratify_system_error_count{error="timeout"} 0x360
	ratify_verification_request_bucket{le="100"} 0+60x360
	ratify_verification_request_bucket{le="4900"} 0+60x360
	ratify_verification_request_bucket{le="+Inf"} 0+60x360
	ratify_registry_request_count{status_code="200",registry_host="r"} 0+60x360
	ratify_registry_request_count{status_code="503",registry_host="r"} 0+1x360
	ratify_credential_requests_total{provider="azure_acr",result="success"} 0+1x360
	ratify_credential_requests_total{provider="azure_acr",result="failure"} 0x360
	ratify_key_provider_last_success_timestamp_seconds{provider="vault"} 0+60x360
	ratify_key_provider_keys{provider="vault"} 2x360
	ratify_verdicts_total{verdict="verified",code=""} 0+60x360
	ratify_verdicts_total{verdict="rejected",code="no_signature"} 0+6x360
`
	wrong := map[string][2]string{
		"OpaRatifyUndecided":          {`ratify_system_error_count{error="timeout"} 0x360`, `ratify_system_error_count{error="timeout"} 0+6x360`},
		"OpaRatifySlow":               {`_bucket{le="100"} 0+60x360`, `_bucket{le="100"} 0+30x360`},
		"OpaRatifyRegistryFailing":    {`"503",registry_host="r"} 0+1x360`, `"503",registry_host="r"} 0+30x360`},
		"OpaRatifyCredentialsFailing": {`result="failure"} 0x360`, `result="failure"} 0+1x360`},
		"OpaRatifyKeyProviderFailing": {`seconds{provider="vault"} 0+60x360`, `seconds{provider="vault"} 60x360`},
		"OpaRatifyNoKeys":             {`ratify_key_provider_keys{provider="vault"} 2x360`, `ratify_key_provider_keys{provider="vault"} 0x360`},
		"OpaRatifyMostRejected":       {`code="no_signature"} 0+6x360`, `code="no_signature"} 0+90x360`},
		"OpaRatifyDown":               {`ratify_inflight_verifications 0x360`, `other 0x360`},
	}
	for _, rule := range alerts(t) {
		t.Run(rule.Alert, func(t *testing.T) {
			t.Parallel()
			change, ok := wrong[rule.Alert]
			if !ok || !strings.Contains(well, change[0]) {
				t.Fatalf("the test does not say what raises it")
			}
			if raised(t, well, rule.Expr) {
				t.Errorf("is raised although all is well")
			}
			if !raised(t, strings.Replace(well, change[0], change[1], 1), rule.Expr) {
				t.Errorf("is not raised by %s", change[1])
			}
		})
	}
}

// raised evaluates an alert after six hours of series.
func raised(t *testing.T, series, expression string) bool {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m"+series)
	defer func() { fatal(t, storage.Close()) }()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 100000, Timeout: time.Minute})
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expression, time.Unix(0, 0).Add(6*time.Hour))
	fatal(t, err)
	result := query.Exec(t.Context())
	fatal(t, result.Err)
	vector, err := result.Vector()
	fatal(t, err)
	return len(vector) > 0
}
