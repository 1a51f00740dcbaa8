// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// library are the files of the Rego library.
func library(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob("../../rego/ratify/*/*.rego")
	if err != nil || len(names) == 0 {
		tb.Fatal(names, err)
	}
	var files []string
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.rego") {
			files = append(files, name)
		}
	}
	return files
}

// dataPolicy decides by data that a test can change.
const dataPolicy = `package trust

allow := data.test.allow

report := data.test.report

reasons := data.test.reasons`

const (
	verifiedReport = `{"image": "app:v1", "reference": "docker.io/library/app@sha256:1", "digest": "sha256:1", "media_type": "m", "verdict": "verified",
		"verified": true, "platforms": [], "stale": [], "errors": [], "signatures": [{"format": "notation", "artifact_type": "t", "digest": "sha256:2",
		"verified": true, "signer": {"subject": "CN=\"release\" <a&b>,O=Ä", "issuer": "CN=ca"}, "annotations": {}, "checks": [], "errors": []}]}`
	rejectedReport = `{"image": "app:v1", "reference": "docker.io/library/app@sha256:1", "digest": "sha256:1", "media_type": "m", "verdict": "rejected",
		"verified": false, "platforms": [], "stale": [], "signatures": [], "errors": [{"code": "no_signature", "message": "none", "stage": "referrers", "retryable": false}]}`
	unseenReport = `{"image": "app:v1", "reference": "", "digest": "", "media_type": "", "verdict": "inconclusive",
		"verified": false, "platforms": [], "stale": [], "signatures": [], "errors": [{"code": "timeout", "message": "slow", "stage": "resolve", "retryable": true}]}`
)

// The routes answer what OPA's own evaluation of the rule answers, also when
// they have answered it before, and at once when data changes: nothing that
// depends on more than a function's operands is kept.
func TestRoutesAnswerAsTheDataAPI(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: dataPolicy, files: library(t)})
	for _, test := range []string{
		`{"allow": true, "report": ` + verifiedReport + `}`,
		`{"allow": false, "report": ` + verifiedReport + `, "reasons": ["not today"]}`,
		`{"allow": true, "report": ` + verifiedReport + `}`,
		`{"allow": "yes", "report": ` + verifiedReport + `}`,
		`{"allow": false, "report": ` + rejectedReport + `}`,
		`{"allow": true, "report": ` + rejectedReport + `}`,
		`{"allow": false, "report": ` + unseenReport + `}`,
		`{"allow": false}`,
		`{}`,
		`{"allow": true, "report": ` + verifiedReport + `}`,
	} {
		if status, body := s.do(t, http.MethodPut, "/v1/data/test", test); status != http.StatusNoContent {
			t.Fatalf("put data: %d %s", status, body)
		}
		for _, key := range []string{"app:v1", "[team-a]app:v1", "not an image", "app:v1"} {
			if diff := cmp.Diff(s.dataAPI(t, key), s.route(t, key)); diff != "" {
				t.Errorf("%.60s %s (-data API +route):\n%s", test, key, diff)
			}
		}
	}
}

// dataAPI evaluates the rule as OPA's server does.
func (s *opa) dataAPI(t *testing.T, key string) map[string]any {
	t.Helper()
	image, namespace := key, ""
	if inner, ok := strings.CutPrefix(key, "["); ok {
		namespace, image, _ = strings.Cut(inner, "]")
	}
	question, err := json.Marshal(map[string]any{"input": map[string]any{
		"key": key, "image": image, "namespace": namespace, "operation": "verify", "version": "v1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, body := s.do(t, http.MethodPost, "/v1/data/ratify/gatekeeper/item", string(question), "Content-Type", "application/json")
	var answer struct{ Result map[string]any }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Result
}

// route asks as Gatekeeper does, and puts the answer in the form of the rule.
func (s *opa) route(t *testing.T, key string) map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"request": map[string]any{"keys": []string{key}}})
	if err != nil {
		t.Fatal(err)
	}
	_, text := s.do(t, http.MethodPost, "/ratify/gatekeeper/v1/verify", string(body))
	var answer struct {
		Response struct {
			Items       []map[string]any
			SystemError string
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	if undecided, ok := strings.CutPrefix(answer.Response.SystemError, key+": "); ok {
		return map[string]any{"key": key, "undecided": undecided}
	}
	if len(answer.Response.Items) != 1 {
		t.Fatal(text)
	}
	item := answer.Response.Items[0]
	if value, ok := item["value"].(map[string]any); ok {
		delete(value, "traceID")
		delete(value, "timestamp")
	}
	return item
}
