// SPDX-License-Identifier: Apache-2.0

package layout_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	image "github.com/opa-ratify/opa-ratify/cmd/image/layout"
)

func TestLayoutIsValidToAnotherImplementation(t *testing.T) {
	t.Parallel()
	directory, want := built(t)
	root, err := layout.ImageIndexFromPath(directory)
	if err != nil {
		t.Fatal(err)
	}
	index, err := root.ImageIndex(v1.Hash{Algorithm: "sha256", Hex: want.Digest.Encoded()})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, m := range manifest.Manifests {
		types = append(types, m.Annotations[ocispec.AnnotationRefName]+" "+m.ArtifactType)
	}
	bill := " application/vnd.cyclonedx+json"
	if diff := cmp.Diff([]string{"v1.2.3 ", bill, bill, bill}, types); diff != "" {
		t.Errorf("index.json (-want +got):\n%s", diff)
	}
	if got := manifest.Manifests[0].Digest.String(); got != want.Digest.String() {
		t.Errorf("tagged %s, want %s", got, want.Digest)
	}
}

func TestConfigurationOfAnImage(t *testing.T) {
	t.Parallel()
	directory, index := built(t)
	for i, arch := range []string{"amd64", "arm64"} {
		manifest, config := platform(t, directory, index, i)
		if diff := cmp.Diff(ocispec.Platform{OS: "linux", Architecture: arch}, config.Platform); diff != "" {
			t.Errorf("%s: platform (-want +got):\n%s", arch, diff)
		}
		want := ocispec.ImageConfig{
			User: "65532:65532", WorkingDir: "/home/nonroot", Env: []string{"PATH=/"},
			Entrypoint: []string{"/opa-ratify"}, Labels: manifest.Annotations,
		}
		if diff := cmp.Diff(want, config.Config); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", arch, diff)
		}
		if got := config.Config.Labels[ocispec.AnnotationRevision]; got != revision {
			t.Errorf("%s: revision %q, want %q", arch, got, revision)
		}
	}
}

// TestTwoBuildsAreTheSame builds from files with other names, times and places.
func TestTwoBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	first, index := built(t)
	second := filepath.Join(t.TempDir(), "image")
	again, err := image.Build(t.Context(), options(second, program(t, "amd64"), program(t, "arm64")))
	if err != nil {
		t.Fatal(err)
	}
	if index.Digest != again.Digest {
		t.Errorf("digests %s and %s", index.Digest, again.Digest)
	}
	if diff := cmp.Diff(files(t, first), files(t, second)); diff != "" {
		t.Errorf("files (-first +second):\n%s", diff)
	}
}

func TestBuildReplacesWhatWasThere(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "image")
	o := options(directory, program(t, "amd64"))
	if _, err := image.Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := files(t, directory)
	o.Binaries = []string{filepath.Join(t.TempDir(), "missing")}
	if _, err := image.Build(t.Context(), o); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that the file does not exist", err)
	}
	if diff := cmp.Diff(before, files(t, directory)); diff != "" {
		t.Errorf("a failed build changed the layout (-before +after):\n%s", diff)
	}
	o.Version, o.Binaries = "v2", []string{program(t, "arm64")}
	if _, err := image.Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := len(files(t, directory)); got != len(before) {
		t.Errorf("%d files, want %d: nothing of the first image", got, len(before))
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	good := program(t, "amd64")
	tests := []struct {
		name     string
		binaries []string
		want     string
	}{
		{"none", nil, "are required"},
		{"two for one platform", []string{good, program(t, "amd64")}, "are both for linux/amd64: give one binary for each platform"},
		{"no Go binary", []string{"build_test.go"}, "read build information"},
		{"a path in it", []string{program(t, "placed")}, `built with -trimpath="", want "true"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := image.Build(t.Context(), options(filepath.Join(t.TempDir(), "image"), tt.binaries...))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestOtherProgramLiesBeside has it in a layer of its own, under the name of its
// package, and in the bill of materials; every platform has it, or none.
func TestOtherProgramLiesBeside(t *testing.T) {
	t.Parallel()
	o := options(filepath.Join(t.TempDir(), "image"), program(t, "amd64"), program(t, "arm64"))
	o.Beside = []string{program(t, "arm64")}
	if _, err := image.Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has nothing beside it for linux/amd64") {
		t.Errorf("error %v", err)
	}
	o.Beside = append(o.Beside, program(t, "amd64"))
	index, err := image.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		manifest, config := platform(t, o.Directory, index, i)
		var made []string
		for _, h := range config.History {
			made = append(made, h.CreatedBy)
		}
		if diff := cmp.Diff([]string{"base", "opa-ratify v1.2.3", "program v1.2.3"}, made); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", arch, diff)
		}
		if diff := cmp.Diff([]string{"/opa-ratify"}, config.Config.Entrypoint); diff != "" {
			t.Errorf("%s: entrypoint (-want +got):\n%s", arch, diff)
		}
		if got := content(t, o.Directory, manifest.Layers[2]); got != "program" {
			t.Errorf("%s: the last layer has %q, want the program", arch, got)
		}
	}
}

// content is the name of the first file in a layer.
func content(tb testing.TB, directory string, layer ocispec.Descriptor) string {
	tb.Helper()
	f, err := os.Open(filepath.Join(directory, "blobs", "sha256", layer.Digest.Encoded()))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	archive, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	header, err := tar.NewReader(archive).Next()
	if err != nil {
		tb.Fatal(err)
	}
	return header.Name
}

// platform reads the manifest and the configuration of the index's i-th image.
func platform(tb testing.TB, directory string, index ocispec.Descriptor, i int) (manifest ocispec.Manifest, config ocispec.Image) {
	tb.Helper()
	var children ocispec.Index
	decode(tb, directory, index, &children)
	decode(tb, directory, children.Manifests[i], &manifest)
	decode(tb, directory, manifest.Config, &config)
	return manifest, config
}

func decode(tb testing.TB, directory string, desc ocispec.Descriptor, value any) {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(directory, "blobs", "sha256", desc.Digest.Encoded()))
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(raw, value); err != nil {
		tb.Fatal(err)
	}
}

// files are the digests of a directory's files by name.
func files(tb testing.TB, directory string) map[string]digest.Digest {
	tb.Helper()
	found := map[string]digest.Digest{}
	root := os.DirFS(directory)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(root, name)
		found[name] = digest.FromBytes(raw)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// TestDockerfileRunsTheSame holds the last stage of the Dockerfile against the image.
func TestDockerfileRunsTheSame(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../opa-ratify/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		instruction, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if instruction == "FROM" {
			clear(got)
		}
		got[instruction] = value
	}
	directory, index := built(t)
	_, config := platform(t, directory, index, 0)
	entrypoint, err := json.Marshal(config.Config.Entrypoint)
	if err != nil {
		t.Fatal(err)
	}
	for instruction, want := range map[string]string{
		"USER": config.Config.User, "WORKDIR": config.Config.WorkingDir,
		"ENV": strings.Join(config.Config.Env, " "), "ENTRYPOINT": string(entrypoint),
	} {
		if got[instruction] != want {
			t.Errorf("%s %q, want %q", instruction, got[instruction], want)
		}
	}
}
