// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

func TestPlatforms(t *testing.T) {
	t.Parallel()
	const amd64, arm64 = 0, 1
	for _, tt := range []struct {
		name      string
		sign      []int // children that are signed
		platform  string
		want      report.Verdict
		code      report.Code
		platforms int
	}{
		{"index alone", nil, "", report.Verified, "", 0},
		{"signed child demanded", []int{amd64}, "linux/amd64", report.Verified, "", 1},
		{"unsigned child demanded", []int{amd64}, "linux/arm64", report.Rejected, report.NoSignature, 1},
		{"variant means the same", []int{arm64}, "linux/arm64/v8", report.Verified, "", 1},
		{"every child, all signed", []int{amd64, arm64}, "*", report.Verified, "", 2},
		{"every child, one unsigned", []int{arm64}, "*", report.Rejected, report.NoSignature, 2},
		{"no such child", []int{amd64}, "windows/amd64", report.Rejected, report.PlatformNotFound, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{}, nil)
			index, children, err := w.PushIndex(t.Context(), "multi", "v1", "linux/amd64", "linux/arm64")
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range append(pick(children, tt.sign), index) {
				must(w.release.SignAndAttach(t.Context(), w.Registry, "multi", d, signtest.SignOptions{}))(t)
			}
			r := w.engine.Verify(t.Context(), verify.Request{Image: w.Reference("multi", index.Digest), Trust: w.doc, Platform: tt.platform})
			want(t, r, tt.want, "")
			if len(r.Platforms) != tt.platforms || r.MediaType != ocispec.MediaTypeImageIndex {
				t.Fatalf("media type %q, platforms %+v", r.MediaType, r.Platforms)
			}
			found := tt.code == ""
			for _, p := range r.Platforms {
				for _, e := range p.Errors {
					found = found || e.Code == tt.code
				}
			}
			if !found {
				t.Errorf("no %s in %+v", tt.code, r.Platforms)
			}
		})
	}
}

func pick(from []ocispec.Descriptor, which []int) (picked []ocispec.Descriptor) {
	for _, i := range which {
		picked = append(picked, from[i])
	}
	return picked
}

func TestUnsignedIndexWithSignedChildIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{}, nil)
	_, children, err := w.PushIndex(t.Context(), "multi", "v1", "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	must(w.release.SignAndAttach(t.Context(), w.Registry, "multi", children[0], signtest.SignOptions{}))(t)
	r := w.engine.Verify(t.Context(), verify.Request{Image: w.image("multi"), Trust: w.doc, Platform: "linux/amd64"})
	want(t, r, report.Rejected, report.NoSignature)
}

func TestCheckPlatform(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "*", "linux/amd64", "linux/arm/v7"} {
		if err := verify.CheckPlatform(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"linux", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", "linux//v7"} {
		if verify.CheckPlatform(bad) == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzSelectChildren(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","platform":{"os":"linux","architecture":"amd64"}}]}`), "linux/amd64")
	f.Add([]byte(`{"manifests":[{}]}`), "*")
	f.Fuzz(func(t *testing.T, index []byte, platform string) {
		if verify.CheckPlatform(platform) != nil || platform == "" {
			return
		}
		children, err := verify.SelectChildren(index, platform)
		if (err == nil) != (len(children) > 0) {
			t.Errorf("%d children beside %v", len(children), err)
		}
	})
}
