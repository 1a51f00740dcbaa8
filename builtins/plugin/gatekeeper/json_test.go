// SPDX-License-Identifier: Apache-2.0

package gatekeeper_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/opa-ratify/opa-ratify/builtins/plugin/gatekeeper"
)

const (
	stamp = "2026-01-02T03:04:05.678Z"
	trace = "8b1c0f5e-7f1a-4a3c-9d58-6a4f5f1f0c11"
)

// wantSame fails unless o is written exactly as encoding/json writes it.
func wantSame(t *testing.T, o ast.Object) {
	t.Helper()
	got, err := gatekeeper.EncodeObject(o, stamp, trace)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ast.JSON(o)
	if err != nil {
		t.Fatal(err)
	}
	fields, ok := plain.(map[string]any)
	if !ok {
		t.Fatalf("ast.JSON made %T of an object", plain)
	}
	fields["timestamp"], fields["traceID"] = stamp, trace
	want, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", o, diff)
	}
}

func TestObjectsAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`,
		`{"isSuccess": true, "reasons": [], "verdict": "verified", "n": null, "list": [1, 2.50, -1e3, [], {}]}`,
		`{"title": "between the two", "a": 1, "z": 2}`,
		`{"timestamp": "the policy's", "traceID": {"a": [1]}, "nested": {"timestamp": 1, "traceID": 2}}`,
		`{"quote\"back\\slash": "\"\\", "html": "<a href='x'>&amp;</a>", "line": "a\nb\tc\u0000", "separator": "\u2028", "umlaut": "ä"}`,
		`{"set": {3, 1, 2}, "of objects": {{"b": 1}, {"a": 1}}}`,
		`{1: "a number", "1a": 2, true: 3, [1, "x"]: {"deep": {2: "odd"}}}`,
		`{"n": 123456789012345678901234567890.123}`,
	} {
		o, ok := ast.MustParseTerm(text).Value.(ast.Object)
		if !ok {
			t.Fatalf("%s is no object", text)
		}
		wantSame(t, o)
	}
}

// A string that is no UTF-8 must not break the response.
func TestBrokenTextIsWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	wantSame(t, ast.NewObject(ast.Item(ast.StringTerm("k\xff"), ast.StringTerm("v\xc3"))))
}

func FuzzEncodeObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":null}],"timestamp":2,"u":"<ä\u2028\"\\>"}`, `{"traceID":"x","tt":1e400}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v map[string]any
		if util.UnmarshalJSON(raw, &v) != nil {
			return
		}
		value, err := ast.InterfaceToValue(v)
		if err != nil {
			return
		}
		if o, ok := value.(ast.Object); ok {
			wantSame(t, o)
		}
	})
}
