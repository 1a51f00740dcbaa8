// SPDX-License-Identifier: Apache-2.0

package sbom

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	urlpath "path"
	"runtime/debug"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

// Program is a Go binary, and what the toolchain says about it.
type Program struct {
	// Path is where the file is.
	Path string

	info    *debug.BuildInfo
	sum     string // SHA-256 of the file, hex
	version string
}

// Read reads the program at path, which is of our version. The error names the file if
// that is no Go binary, or not one that the image could have.
func Read(path, version string) (Program, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Program{}, fmt.Errorf("read build information: %w", err)
	}
	p := Program{Path: path, info: info, version: version}
	if err := p.check(); err != nil {
		return Program{}, fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return Program{}, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return Program{}, fmt.Errorf("read %s: %w", path, err)
	}
	p.sum = hex.EncodeToString(hash.Sum(nil))
	return p, nil
}

// check refuses what would not start in the image, or could not be built again.
func (p Program) check() error {
	for _, want := range []struct{ setting, value, remedy string }{
		{"GOOS", "linux", "build it with GOOS=linux"},
		{"CGO_ENABLED", "0", "there is no libc in the image; build it with CGO_ENABLED=0"},
		{"-trimpath", "true", "it depends on where it was built; build it with -trimpath"},
	} {
		if got := p.setting(want.setting); got != want.value {
			return fmt.Errorf("built with %s=%q, want %q: %s", want.setting, got, want.value, want.remedy)
		}
	}
	return nil
}

// Architecture is what the program was built for, "arm64".
func (p Program) Architecture() string { return p.setting("GOARCH") }

// Name is that of the program's package, "opa-ratify-certs".
func (p Program) Name() string { return urlpath.Base(p.info.Path) }

func (p Program) setting(key string) string {
	for _, s := range p.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (p Program) component() cyclonedx.Component {
	purl := golang(p.info.Main.Path, p.version, map[string]string{"goos": p.setting("GOOS"), "goarch": p.Architecture()})
	return cyclonedx.Component{
		BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeApplication,
		Name: p.info.Main.Path, Version: p.version, Licenses: ours(),
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: p.sum}},
	}
}

// modules are those that the program is linked from, Go's own library among them.
func (p Program) modules() []cyclonedx.Component {
	library := &debug.Module{Path: "stdlib", Version: strings.TrimPrefix(p.info.GoVersion, "go")}
	components := []cyclonedx.Component{component(library)}
	for _, m := range p.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, component(m))
	}
	return components
}

func component(m *debug.Module) cyclonedx.Component {
	purl := golang(m.Path, m.Version, nil)
	c := cyclonedx.Component{
		BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
	}
	// go.sum's hash of the module's files, as other tools for Go write it down.
	if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
		if raw, err := base64.StdEncoding.DecodeString(sum); err == nil {
			c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
		}
	}
	return c
}

func golang(path, version string, qualifiers map[string]string) string {
	namespace, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		namespace, name = path[:i], path[i+1:]
	}
	return packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
