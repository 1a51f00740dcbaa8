// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	oparego "github.com/open-policy-agent/opa/v1/rego"
)

// noImages are fields whose name or description speaks of images, and that hold none
// that would be run.
var noImages = map[string]*regexp.Regexp{
	"what became of the object, not what is asked for": regexp.MustCompile(`^(items\[\*\]\.)?status\.`),
	"what to run in the image":                         regexp.MustCompile(`\.(args\[\*\]|command\[\*\]|workingDir)$`),
	"when to pull the image":                           regexp.MustCompile(`\.(imagePullPolicy|pullPolicy)$`),
	"the name of a Secret":                             regexp.MustCompile(`(^|\.)imagePullSecrets\[\*\]\.name$`),
	"a block device of Ceph":                           regexp.MustCompile(`\.rbd\.image$`),
}

// TestNoImageFieldIsMissed asks for the images of an object that has but one field, for
// every field of the Kubernetes API that may hold one.
func TestNoImageFieldIsMissed(t *testing.T) {
	t.Parallel()
	fields := imageFields(t)
	used, found := map[string]bool{}, 0
	for i, uses := range usesOf(t, fields) {
		f := fields[i]
		var want []any
		if reason := f.reason(); reason == "" {
			want = append(want, map[string]any{"image": "marker", "path": f.path(), "pointer": f.pointer()})
			found++
		} else {
			used[reason] = true
		}
		if diff := cmp.Diff(want, uses); diff != "" && len(want)+len(uses) > 0 {
			t.Errorf("%s: images (-want +got):\n%s", f, diff)
		}
	}
	if found == 0 || len(used) != len(noImages) {
		t.Errorf("%d images were found; reasons that apply: %v", found, used)
	}
	for _, kind := range []string{
		"apps/v1 DaemonSet", "apps/v1 Deployment", "apps/v1 ReplicaSet", "apps/v1 StatefulSet", "batch/v1 CronJob",
		"batch/v1 Job", "v1 Pod", "v1 PodList", "v1 PodTemplate", "v1 ReplicationController",
	} {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.kind == kind && f.reason() == "" }) {
			t.Errorf("testdata/image_fields.txt has no image of %s", kind)
		}
	}
}

// field is a line of testdata/image_fields.txt.
type field struct{ kind, name string }

func (f field) String() string { return f.kind + " " + f.name }

func imageFields(t *testing.T) []field {
	t.Helper()
	var fields []field
	lines := bufio.NewScanner(bytes.NewReader(read(t, "testdata/image_fields.txt")))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); words[0] != "#" {
			fields = append(fields, field{words[0] + " " + words[1], words[2]})
		}
	}
	if err := lines.Err(); err != nil || len(fields) == 0 {
		t.Fatalf("%d fields, error %v", len(fields), err)
	}
	return fields
}

// reason says why the field holds no image; empty if it holds one, or any object.
func (f field) reason() string {
	if strings.HasSuffix(f.name, "{}") {
		return ""
	}
	for reason, pattern := range noImages {
		if pattern.MatchString(f.name) {
			return reason
		}
	}
	return ""
}

// path is the place of the image in [field.object]. A field for any object holds a pod
// template.
func (f field) path() string {
	name := strings.ReplaceAll(f.name, "[*]", "[0]")
	name, free := strings.CutSuffix(name, "{}")
	if free {
		return name + ".spec.template.spec.containers[0].image"
	}
	return name
}

func (f field) pointer() string {
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(f.path())
}

// object has the one field and its kind.
func (f field) object() map[string]any {
	var value any = "marker"
	steps := strings.Split(strings.TrimPrefix(f.pointer(), "/"), "/")
	for _, step := range slices.Backward(steps) {
		if step == "0" {
			value = []any{value}
		} else {
			value = map[string]any{step: value}
		}
	}
	object, ok := value.(map[string]any)
	if !ok {
		panic(fmt.Sprintf("%s begins with a list", f))
	}
	version, kind, _ := strings.Cut(f.kind, " ")
	object["apiVersion"], object["kind"] = version, kind
	return object
}

// usesOf returns what the library finds in the object of each field.
func usesOf(t *testing.T, fields []field) [][]any {
	t.Helper()
	var objects []any
	for _, f := range fields {
		objects = append(objects, f.object())
	}
	results, err := oparego.New(
		oparego.Module("p.rego", "package p\nimport data.ratify.images\nfound := [images.uses(o) | some o in input]"),
		oparego.Input(objects), oparego.Query("data.p.found"),
	).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found, ok := results[0].Expressions[0].Value.([]any)
	if !ok || len(found) != len(fields) {
		t.Fatalf("%d answers about %d fields", len(found), len(fields))
	}
	uses := make([][]any, len(found))
	for i := range found {
		if uses[i], ok = found[i].([]any); !ok {
			t.Fatalf("%v: uses are %T", fields[i], found[i])
		}
	}
	return uses
}
