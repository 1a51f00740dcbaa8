// SPDX-License-Identifier: Apache-2.0

package sbom_test

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/cmd/image/sbom"
)

// program is the real program of this directory's parent: it has many dependencies.
func program(tb testing.TB, arch string) sbom.Program {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "image")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "..")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build for %s: %v\n%s", arch, err, output)
	}
	p, err := sbom.Read(path, "v1.2.3")
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func document(tb testing.TB, image sbom.Image, programs ...sbom.Program) *cyclonedx.BOM {
	tb.Helper()
	image.Version, image.Created = "v1.2.3", time.Unix(1750000000, 0)
	raw, err := sbom.Document(image, programs...)
	if err != nil {
		tb.Fatal(err)
	}
	again, err := sbom.Document(image, programs...)
	if err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(string(raw), string(again)); diff != "" {
		tb.Errorf("written again (-first +second):\n%s", diff)
	}
	var b cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(raw), cyclonedx.BOMFileFormatJSON).Decode(&b); err != nil {
		tb.Fatal(err)
	}
	return &b
}

// TestDocumentListsEveryModule holds a document against what `go version -m` says.
func TestDocumentListsEveryModule(t *testing.T) {
	t.Parallel()
	p := program(t, "amd64")
	b := document(t, sbom.Image{Digest: digest.FromString("image"), Architecture: "amd64"}, p)
	info, err := buildinfo.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"github.com/opa-ratify/opa-ratify@v1.2.3", "/etc/ssl/certs/ca-certificates.crt@", "stdlib@" + strings.TrimPrefix(runtime.Version(), "go")}
	for _, m := range info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	var got []string
	for _, c := range *b.Components {
		got = append(got, c.Name+"@"+c.Version)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	i := slices.IndexFunc(*b.Components, func(c cyclonedx.Component) bool { return c.Name == "oras.land/oras-go/v2" })
	if c := (*b.Components)[i]; !strings.HasPrefix(c.PackageURL, "pkg:golang/oras.land/oras-go/v2@v2.") || len((*c.Hashes)[0].Value) != 64 {
		t.Errorf("component %+v", c)
	}
}

// TestDependenciesAreListed follows the dependencies from the image to every component.
func TestDependenciesAreListed(t *testing.T) {
	t.Parallel()
	b := document(t, sbom.Image{Digest: digest.FromString("image"), Architecture: "amd64"}, program(t, "amd64"))
	edges := map[string][]string{}
	for _, d := range *b.Dependencies {
		edges[d.Ref] = *d.Dependencies
	}
	reached := []string{b.Metadata.Component.BOMRef}
	for i := 0; i < len(reached); i++ {
		for _, ref := range edges[reached[i]] {
			if !slices.Contains(reached, ref) {
				reached = append(reached, ref)
			}
		}
	}
	for _, c := range *b.Components {
		if !slices.Contains(reached, c.BOMRef) {
			t.Errorf("nothing depends on %s", c.BOMRef)
		}
	}
	if len(reached) != len(*b.Components)+1 {
		t.Errorf("%d references, %d components: one is dangling", len(reached), len(*b.Components))
	}
}

func TestDocumentOfAnIndex(t *testing.T) {
	t.Parallel()
	index := digest.FromString("index")
	b := document(t, sbom.Image{Digest: index}, program(t, "amd64"), program(t, "arm64"))
	if want, got := "pkg:oci/opa-ratify@"+index.String(), b.Metadata.Component.PackageURL; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	var applications []string
	for _, c := range *b.Components {
		if c.Type == cyclonedx.ComponentTypeApplication {
			applications = append(applications, c.PackageURL)
		}
	}
	prefix := "pkg:golang/github.com/opa-ratify/opa-ratify@v1.2.3?"
	if diff := cmp.Diff([]string{prefix + "goarch=amd64&goos=linux", prefix + "goarch=arm64&goos=linux"}, applications); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
}
