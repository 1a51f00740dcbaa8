// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	ratify "github.com/opa-ratify/opa-ratify/builtins"
)

// TestMain gives Rego what no policy can do by itself: wait, hang, halt, panic.
func TestMain(m *testing.M) {
	ratify.Register()
	for name, f := range map[string]topdown.BuiltinFunc{
		"test.wait": wait,
		"test.hang": hang,
		"test.halt": func(topdown.BuiltinContext, []*ast.Term, func(*ast.Term) error) error {
			return topdown.Halt{Err: fmt.Errorf("operand 1: no such trust store")}
		},
		"test.panic": func(topdown.BuiltinContext, []*ast.Term, func(*ast.Term) error) error {
			panic("a fault with \"secret\" inside")
		},
		"test.meet":  meet,
		"test.cache": remember,
	} {
		ast.RegisterBuiltin(&ast.Builtin{Name: name, Decl: types.NewFunction(types.Args(types.S), types.A), Nondeterministic: true})
		topdown.RegisterBuiltinFunc(name, f)
	}
	os.Exit(m.Run())
}

// wait ends with its context, as ratify.verify does.
func wait(c topdown.BuiltinContext, _ []*ast.Term, _ func(*ast.Term) error) error {
	<-c.Context.Done()
	return topdown.Halt{Err: &topdown.Error{Code: topdown.CancelErr, Message: c.Context.Err().Error()}}
}

// remember says whether it was called before, as far as the server's caches know.
func remember(c topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
	if c.InterQueryBuiltinCache == nil {
		return errors.New("no cache between queries")
	}
	if _, ok := c.InterQueryBuiltinValueCache.Get(operands[0].Value); ok {
		return iter(ast.StringTerm("again"))
	}
	c.InterQueryBuiltinValueCache.Insert(operands[0].Value, true)
	return iter(ast.StringTerm("first"))
}

// meetings are where evaluations wait for each other; the operand names one and
// says for how many, "name:3".
var meetings sync.Map

type meeting struct {
	mu      sync.Mutex
	missing int
	all     chan struct{}
}

func meet(c topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
	name := string(operands[0].Value.(ast.String))
	var n int
	if _, err := fmt.Sscanf(name[strings.LastIndex(name, ":")+1:], "%d", &n); err != nil {
		return err
	}
	v, _ := meetings.LoadOrStore(name, &meeting{missing: n, all: make(chan struct{})})
	m := v.(*meeting)
	m.mu.Lock()
	if m.missing--; m.missing == 0 {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return iter(ast.BooleanTerm(true))
	case <-c.Context.Done():
		return wait(c, nil, nil)
	}
}

// hanging holds what ends test.hang, by its operand.
var hanging sync.Map

// hang ignores its context.
func hang(_ topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
	if c, ok := hanging.Load(string(operands[0].Value.(ast.String))); ok {
		<-c.(chan struct{})
	}
	return iter(ast.BooleanTerm(true))
}

// policy decides by the name of the image.
const policy = `package ratify.gatekeeper

item := {"key": input.key, "value": {"isSuccess": true, "succeeded": true, "image": input.image, "namespace": input.namespace, "version": input.version}} if {
	input.operation == "verify"
	startswith(input.image, "good")
}

item := {"key": input.key, "value": {"isSuccess": false, "succeeded": false, "reasons": ["no signature", "by policy"]}} if {
	input.operation == "verify"
	startswith(input.image, "rejected")
}

item := {"key": input.key, "value": sprintf("docker.io/library/good@sha256:%s", [digest])} if {
	input.operation == "mutate"
	startswith(input.image, "good")
}

item := {"key": input.key, "value": input.image} if {
	input.operation == "mutate"
	startswith(input.image, "tag")
}

digest := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

item := {"key": input.key, "error": "no_signature: unsigned"} if startswith(input.image, "bad")

item := {"key": input.key, "undecided": "resolve: registry.example: 503"} if startswith(input.image, "unavailable")

item := {"key": input.key, "value": test.wait(input.image)} if startswith(input.image, "wait")

item := {"key": input.key, "value": test.hang(input.image)} if startswith(input.image, "hang")

item := {"key": input.key, "value": test.halt(input.image)} if startswith(input.image, "halt")

item := {"key": input.key, "value": test.panic(input.image)} if startswith(input.image, "panic")

item := {"key": input.key, "value": sprintf("%v", [test.meet(input.image)])} if startswith(input.image, "meet")

item := {"key": input.key, "value": test.cache(input.image)} if startswith(input.image, "cached")

item := {"key": input.key, "value": n} if {
	startswith(input.image, "conflict")
	some n in ["a", "b"]
}

item := "yes" if startswith(input.image, "shape-string")

item := {"key": input.key, "value": true} if startswith(input.image, "shape-bool")

item := {"key": input.key, "value": ""} if startswith(input.image, "shape-empty")

item := {"key": input.key, "value": {"isSuccess": true}, "error": "both"} if startswith(input.image, "shape-both")

item := {"key": "good", "value": {"isSuccess": true}} if startswith(input.image, "shape-other-key")

item := {"key": input.key, "value": {"isSuccess": true}} if {
	startswith(input.image, "loop")
	some i in numbers.range(1, 100000)
	some j in numbers.range(1, 100000)
	i * j == -1
}
`

func TestDecidedKeysBecomeItems(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	response := s.ask(t, "v2/verify", "good:v1", "bad:v1", "[team-a]good:v2", "[]good", "", "rejected")
	if got := response.Response.SystemError; got != "" {
		t.Errorf("systemError %q", got)
	}
	if response.APIVersion != "externaldata.gatekeeper.sh/v1beta1" || response.Kind != "ProviderResponse" || response.Response.Idempotent {
		t.Errorf("got %+v", response)
	}
	want := []externaldata.Item{
		{Key: "good:v1", Value: map[string]any{"isSuccess": true, "succeeded": true, "image": "good:v1", "namespace": "", "version": "v2"}},
		{Key: "bad:v1", Error: "no_signature: unsigned"},
		{Key: "[team-a]good:v2", Value: map[string]any{"isSuccess": true, "succeeded": true, "image": "good:v2", "namespace": "team-a", "version": "v2"}},
		{Key: "[]good", Error: `"" is no namespace; one has 1 to 63 lower-case letters, digits and inner hyphens`},
		{Key: "", Error: "the key is empty; write image or [namespace]image"},
		{Key: "rejected", Value: map[string]any{"isSuccess": false, "succeeded": false, "reasons": []any{"no signature", "by policy"}}},
	}
	if diff := cmp.Diff(want, withoutTrace(t, response.Response.Items)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUndecidedKeysAreNamedInSystemError(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {timeout: 500ms}}`})
	for _, tt := range []struct{ name, key, want string }{
		{"by the policy", "unavailable", "unavailable: resolve: registry.example: 503"},
		{"undefined", "other", "other: the policy gives no answer: data.ratify.gatekeeper.item is undefined"},
		{"halted", "halt", "halt: the policy has an error: operand 1: no such trust store"},
		{"conflict", "conflict", "conflict: the policy has an error: "},
		{"waits too long", "wait", "wait: timeout: no decision within 500ms (plugins.ratify.gatekeeper.timeout)"},
		{"computes too long", "loop", "loop: timeout: no decision within 500ms"},
		{"panic", "panic", "panic: internal: a fault in opa-ratify; its log has more under decision "},
		{"a string", "shape-string", "shape-string: the policy has an error: data.ratify.gatekeeper.item is not"},
		{"a boolean value", "shape-bool", `shape-bool: the policy has an error: "value", "error" or "undecided"`},
		{"an empty value", "shape-empty", `shape-empty: the policy has an error: "value", "error" or "undecided"`},
		{"value and error", "shape-both", "shape-both: the policy has an error: data.ratify.gatekeeper.item is not"},
		{"another key", "shape-other-key", "shape-other-key: the policy has an error: data.ratify.gatekeeper.item is not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			response := s.ask(t, "v1/verify", "good", tt.key, "bad").Response
			if !strings.HasPrefix(response.SystemError, tt.want) {
				t.Errorf("systemError %q\nwant        %q", response.SystemError, tt.want)
			}
			if strings.Contains(response.SystemError, "secret") {
				t.Errorf("systemError repeats what a panic said: %q", response.SystemError)
			}
			if got := keys(response.Items); !cmp.Equal(got, []string{"good", "bad"}) {
				t.Errorf("items for %q; those that were decided are answered all the same", got)
			}
		})
	}
}

// An evaluation that never ends must not keep the answer back.
func TestHungEvaluationIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	hanging.Store("hang:"+t.Name(), end)
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {timeout: 300ms}}`})
	t.Cleanup(func() { close(end) })
	started := time.Now()
	response := s.ask(t, "v2/verify", "good", "hang:"+t.Name()).Response
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("answered after %v", took)
	}
	if !strings.Contains(response.SystemError, "hang:"+t.Name()+": timeout: no decision within 300ms") || !cmp.Equal(keys(response.Items), []string{"good"}) {
		t.Errorf("got %+v", response)
	}
	if again := s.ask(t, "v2/verify", "good").Response; again.SystemError != "" || len(again.Items) != 1 {
		t.Errorf("the next request: %+v", again)
	}
}

// Those that hang leave time for those that wait behind them.
func TestHungKeysLeaveTimeForTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {timeout: 900ms, concurrency: 2}}`})
	response := s.ask(t, "v2/verify", "wait1", "wait2", "wait3", "good1", "good2", "good3").Response
	if got := keys(response.Items); !cmp.Equal(got, []string{"good1", "good2", "good3"}) {
		t.Errorf("answered: %v; %s", got, response.SystemError)
	}
	for _, key := range []string{"wait1", "wait2", "wait3"} {
		if !strings.Contains(response.SystemError, key+": ") {
			t.Errorf("%s is not named in %q", key, response.SystemError)
		}
	}
}

func TestBusyKeysLeaveTimeForTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {timeout: 2s, concurrency: 1}}`})
	response := s.ask(t, "v2/verify", "loop", "good").Response
	if got := keys(response.Items); !cmp.Equal(got, []string{"good"}) || !strings.Contains(response.SystemError, "loop: ") {
		t.Errorf("answered: %v; %s", got, response.SystemError)
	}
}

func TestUndecidedKeysAreItemsIfConfigured(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {undecided: item}}`})
	response := s.ask(t, "v2/verify", "unavailable", "bad").Response
	want := []externaldata.Item{{Key: "unavailable", Error: "resolve: registry.example: 503"}, {Key: "bad", Error: "no_signature: unsigned"}}
	if diff := cmp.Diff(want, response.Items); diff != "" || response.SystemError != "" {
		t.Errorf("systemError %q (-want +got):\n%s", response.SystemError, diff)
	}
}

func TestMutation(t *testing.T) {
	t.Parallel()
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, tt := range []struct{ name, config, want string }{
		{"digest", `{}`, "docker.io/library/good@" + digest},
		{"tag kept", `{gatekeeper: {mutation: tag_and_digest}}`, "docker.io/library/good:v1@" + digest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{policy: policy, ratify: tt.config})
			response := s.ask(t, "v1/mutate", "good:v1", "bad", "unavailable").Response
			want := externaldata.Response{
				Idempotent: true,
				Items: []externaldata.Item{
					{Key: "good:v1", Value: tt.want},
					{Key: "bad", Error: "no_signature: unsigned"},
					{Key: "unavailable", Error: "resolve: registry.example: 503"},
				},
				SystemError: "unavailable: resolve: registry.example: 503",
			}
			if diff := cmp.Diff(want, response); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Threat: a mutation that answers a tag pins nothing, and looks as if it did.
func TestMutationToATagIsNoDecision(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	response := s.ask(t, "v2/mutate", "tag:v1").Response
	if !strings.HasPrefix(response.SystemError, `tag:v1: the policy has an error: "tag:v1" is no image by digest`) || response.Items[0].Error == "" {
		t.Errorf("got %+v", response)
	}
}

func TestItemsKeepTheOrderOfTheRequest(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprintf("good:v%d", i%50)) // the last ten are duplicates
	}
	if diff := cmp.Diff(want, keys(s.ask(t, "v2/verify", want...).Response.Items)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(s.decisions.all()); n != 50 {
		t.Errorf("%d decisions for 50 distinct keys", n)
	}
}

func TestKeysAreDecidedConcurrentlyWithinTheBound(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {concurrency: 3, timeout: 1s}}`})
	run := strconv.FormatInt(time.Now().UnixNano(), 10)
	three, four := "meet-"+run+":3", "meet-"+run+":4"
	if r := s.ask(t, "v2/verify", three, "[x]"+three, "[y]"+three).Response; r.SystemError != "" || len(r.Items) != 3 {
		t.Errorf("three evaluations at once: %+v", r)
	}
	// The fourth comes when the time of one of the others is over.
	if r := s.ask(t, "v2/verify", four, "[x]"+four, "[y]"+four, "[z]"+four).Response; strings.Count(r.SystemError, "no decision within") == 0 {
		t.Errorf("four evaluations at once in spite of concurrency 3: %+v", r)
	}
}

func TestRequestsThatAreNotServedSayWhy(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {max_keys: 2, max_body_bytes: 1KiB}}`})
	const path = "/ratify/gatekeeper/v2/verify"
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"empty body", "POST", path, ``, 200, "the body is not a ProviderRequest: not a JSON object"},
		{"no JSON", "POST", path, `{"request":`, 200, "the body is not a ProviderRequest: not a JSON object"},
		{"list", "POST", path, `[]`, 200, "the body is not a ProviderRequest: not a JSON object"},
		{"null", "POST", path, `null`, 200, "the body is not a ProviderRequest: not a JSON object"},
		{"no request", "POST", path, `{}`, 200, `"request" in the body: not a JSON object`},
		{"no keys", "POST", path, `{"request":{}}`, 200, `"request.keys" in the body: no keys; there is nothing to decide`},
		{"empty keys", "POST", path, `{"request":{"keys":[]}}`, 200, `"request.keys" in the body: no keys`},
		{"key of another type", "POST", path, `{"request":{"keys":["a",1]}}`, 200, `"request.keys" in the body: item 1 is not a string`},
		{"null key", "POST", path, `{"request":{"keys":[null]}}`, 200, `"request.keys" in the body: item 0 is not a string`},
		{"keys of another type", "POST", path, `{"request":{"keys":"a"}}`, 200, `"request.keys" in the body: not a list of strings`},
		{"other version", "POST", path, `{"apiVersion":"v2","request":{"keys":["a"]}}`, 200, `"apiVersion" in the body is "\"v2\""; known are`},
		{"other kind", "POST", path, `{"kind":"AdmissionReview","request":{"keys":["a"]}}`, 200, `"kind" in the body is "\"AdmissionReview\""; expected ProviderRequest`},
		{"too many keys", "POST", path, `{"request":{"keys":["a","b","c"]}}`, 200, "3 keys in one request; at most 2 are allowed (plugins.ratify.gatekeeper.max_keys)"},
		{"too large", "POST", path, `{"request":{"keys":["` + strings.Repeat("a", 2000) + `"]}}`, 200, "the body has more than 1024 bytes (plugins.ratify.gatekeeper.max_body_bytes)"},
		{"wrong method", "GET", path, ``, 405, "HTTP 405: method not allowed; send POST, to a url without a slash at its end: nothing was decided"},
		{"wrong version", "POST", "/ratify/gatekeeper/v3/verify", `{"request":{"keys":["a"]}}`, 404, "HTTP 404: not found; there are /ratify/gatekeeper/v1/verify, v1/mutate, v2/verify and v2/mutate: nothing was decided"},
		{"wrong path", "POST", "/ratify/gatekeeper/v2/verify/x", `{"request":{"keys":["a"]}}`, 404, "HTTP 404: not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, body := s.do(t, tt.method, tt.path, tt.body)
			response := decode(t, body)
			if status != tt.status || !strings.HasPrefix(response.Response.SystemError, tt.want) || len(response.Response.Items) != 0 {
				t.Errorf("status %d, %+v\nwant %d, %s", status, response, tt.status, tt.want)
			}
			if !strings.Contains(body, `"items":[]`) || !strings.Contains(body, `"idempotent":false`) {
				t.Errorf("a field is missing: %s", body)
			}
		})
	}
}

func TestCompressedBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	_, body := s.do(t, http.MethodPost, "/ratify/gatekeeper/v2/verify", "\x1f\x8b", "Content-Encoding", "gzip")
	if got := decode(t, body).Response.SystemError; !strings.Contains(got, `Content-Encoding "gzip"; send it uncompressed`) {
		t.Errorf("systemError %q", got)
	}
}

func TestAnswersWithTheVersionThatWasAsked(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	_, body := s.do(t, http.MethodPost, "/ratify/gatekeeper/v1/verify", `{"apiVersion":"externaldata.gatekeeper.sh/v1alpha1","kind":"ProviderRequest","request":{"keys":["bad"]}}`)
	if got := decode(t, body).APIVersion; got != "externaldata.gatekeeper.sh/v1alpha1" {
		t.Errorf("apiVersion %q", got)
	}
}

func TestWithoutTheLibraryNothingIsDecided(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: "package other\n\nx := 1\n"})
	response := s.ask(t, "v2/verify", "good").Response
	const want = "good: data.ratify.gatekeeper.item is not defined: the Rego library of opa-ratify is not loaded"
	if response.SystemError != want || len(response.Items) != 0 {
		t.Errorf("got %+v", response)
	}
}

func TestNewPolicyIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, verdict := range []string{"first", "second"} {
		module := `package ratify.gatekeeper` + "\n\n" + `item := {"key": input.key, "value": "` + verdict + `"}`
		if status, body := s.do(t, http.MethodPut, "/v1/policies/item", module, "Content-Type", "text/plain"); status != 200 {
			t.Fatalf("put policy: %d %s", status, body)
		}
		response := s.ask(t, "v2/verify", "app").Response
		if diff := cmp.Diff([]externaldata.Item{{Key: "app", Value: verdict}}, response.Items); diff != "" {
			t.Errorf("systemError %q (-want +got):\n%s", response.SystemError, diff)
		}
	}
}

// What a request has read of data serves all its keys, and no other request.
func TestNewDataIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: "package ratify.gatekeeper\n\nitem := {\"key\": input.key, \"value\": data.words[input.image]}"})
	for _, word := range []string{"first", "second"} {
		if status, body := s.do(t, http.MethodPut, "/v1/data/words", `{"app": "`+word+`", "other": "`+word+`!"}`, "Content-Type", "application/json"); status != http.StatusNoContent {
			t.Fatalf("put data: %d %s", status, body)
		}
		response := s.ask(t, "v2/verify", "app", "other").Response
		if diff := cmp.Diff([]externaldata.Item{{Key: "app", Value: word}, {Key: "other", Value: word + "!"}}, response.Items); diff != "" {
			t.Errorf("systemError %q (-want +got):\n%s", response.SystemError, diff)
		}
	}
}

// Gatekeeper does not look at the status, so OPA's 401 must not look like an
// answer without objections.
func TestUnauthorizedIsASystemError(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, authz: `package system.authz

default allow := false

allow if {
	input.identity == "CN=gatekeeper-webhook"
	"good" in input.body.request.keys
}
`})
	if r := s.ask(t, "v2/verify", "good").Response; r.SystemError != "" || len(r.Items) != 1 {
		t.Errorf("allowed by the body: %+v", r)
	}
	status, body := s.do(t, http.MethodPost, "/ratify/gatekeeper/v2/verify", `{"request":{"keys":["bad"]}}`)
	r := decode(t, body).Response
	if status != http.StatusUnauthorized || !strings.HasPrefix(r.SystemError, "HTTP 401: request rejected by administrative policy") || len(r.Items) != 0 {
		t.Errorf("denied: %d %+v", status, r)
	}
}

func TestOnlyClientsWithACertificateOverTLS13(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	if _, _, err := s.askAs(t, nil, "v2/verify", "good"); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without certificate: %v", err)
	}
	response, err := s.httpClient(t, tls.VersionTLS12).Get(s.url + "/health")
	if err == nil {
		response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.2: %v", err)
	}
}

func TestDecisionsAreLogged(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy})
	response := s.ask(t, "v2/verify", "[team-a]good", "halt")
	byKey := map[string]int{}
	events := s.decisions.all()
	for i, e := range events {
		input := (*e.Input).(map[string]any)
		byKey[input["key"].(string)] = i
		if e.Path != "ratify/gatekeeper/item" || e.DecisionID == "" || e.BatchDecisionID != events[0].BatchDecisionID || e.RequestedBy == "" {
			t.Errorf("got %+v", e)
		}
		if _, ok := e.Metrics["timer_rego_query_eval_ns"]; !ok {
			t.Errorf("no timers: %v", e.Metrics)
		}
	}
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	good, halt := events[byKey["[team-a]good"]], events[byKey["halt"]]
	want := map[string]any{"key": "[team-a]good", "image": "good", "namespace": "team-a", "operation": "verify", "version": "v2"}
	if diff := cmp.Diff(want, *good.Input); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
	if good.Result == nil || good.Error != nil || halt.Error == nil || halt.Result != nil {
		t.Errorf("good %+v, halt %+v", good, halt)
	}
	value := response.Response.Items[0].Value.(map[string]any)
	if value["traceID"] != good.DecisionID {
		t.Errorf("traceID %v, decision %s", value["traceID"], good.DecisionID)
	}
	if _, err := time.Parse(time.RFC3339Nano, value["timestamp"].(string)); err != nil {
		t.Error(err)
	}
}

func TestRequestsAreCountedAndNoted(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{metrics: {workload_namespace: true}}`})
	s.ask(t, "v2/verify", "good", "rejected", "[team-a]unavailable")
	s.ask(t, "v2/mutate", "good")
	_, exposition := s.do(t, http.MethodGet, "/metrics", "")
	for _, line := range []string{
		"\nratify_verification_request_count 1\n", "\nratify_mutation_request_count 1\n",
		"\nratify_system_error_count{error=\"undecided\",workload_namespace=\"team-a\"} 1\n",
		`http_request_duration_seconds_count{code="200",handler="ratify/gatekeeper/v2/verify",method="post"} 1`,
	} {
		if !strings.Contains(exposition, line) {
			t.Errorf("missing %q in metrics", line)
		}
	}
	noted := map[any]map[string]any{}
	for _, e := range s.log.Entries() {
		noted[e.Fields["key"]] = e.Fields
	}
	if e := noted["[team-a]unavailable"]; e["verdict"] != "undecided" || e["code"] != "undecided" || e["decision_id"] == nil {
		t.Errorf("the log says %v", e)
	}
	if e := noted["rejected"]; e["verdict"] != "rejected" || e["reasons"] != "no signature; by policy" {
		t.Errorf("the log says %v", e)
	}
	if e, ok := noted["good"]; !ok || e["reasons"] != nil {
		t.Errorf("the log says %v", e)
	}
}

func TestEveryKeyHasASpan(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	s := start(t, options{policy: policy, extra: func(m *plugins.Manager) {
		m.ExtraMiddleware(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, span := provider.Tracer("test").Start(r.Context(), "request")
				defer span.End()
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		})
	}})
	s.ask(t, "v2/verify", "good", "bad")
	got := map[string]bool{}
	for _, span := range spans.GetSpans() {
		for _, a := range span.Attributes {
			if a.Key == "ratify.key" && span.Name == "ratify.decide" && span.Parent.IsValid() {
				got[a.Value.AsString()] = true
			}
		}
	}
	if diff := cmp.Diff(map[string]bool{"good": true, "bad": true}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if events := s.decisions.all(); events[0].TraceID == "" || events[0].SpanID == "" {
		t.Errorf("the decision log names no trace: %+v", events[0])
	}
}

func TestAbandonedRequestIsLogged(t *testing.T) {
	t.Parallel()
	s := start(t, options{policy: policy, ratify: `{gatekeeper: {timeout: 20s}}`})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/ratify/gatekeeper/v2/verify", strings.NewReader(`{"request":{"keys":["wait","[x]meet-gone:1"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	gone := &meeting{missing: 1, all: make(chan struct{})}
	meetings.Store("meet-gone:1", gone)
	go func() { <-gone.all; cancel() }()
	if response, err := s.httpClient(t, tls.VersionTLS13).Do(r); err == nil {
		response.Body.Close()
		t.Fatal("the request was answered")
	}
	for _, e := range s.decisions.await(2) {
		if (*e.Input).(map[string]any)["key"] == "wait" && e.Error == nil {
			t.Errorf("the abandoned key was decided: %+v", e)
		}
	}
}

// withoutTrace checks and removes what differs from run to run.
func withoutTrace(t *testing.T, items []externaldata.Item) []externaldata.Item {
	t.Helper()
	for _, i := range items {
		if value, ok := i.Value.(map[string]any); ok {
			if value["traceID"] == "" || value["timestamp"] == "" {
				t.Errorf("%s: no traceID or timestamp: %v", i.Key, value)
			}
			delete(value, "traceID")
			delete(value, "timestamp")
		}
	}
	return items
}

func keys(items []externaldata.Item) []string {
	var keys []string
	for _, i := range items {
		keys = append(keys, i.Key)
	}
	return keys
}
