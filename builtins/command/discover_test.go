// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hostile is an annotation that a picture must not take for its own language.
const hostile = `"><script>alert('&')</script>\" ]] -->`

// scene is an index with a Notation signature, a Cosign signature, a provenance
// attestation, and an SBOM that is signed itself. It returns the image and a file
// with the trust document for the Notation signer.
func scene(t *testing.T) (image, trustFile string) {
	t.Helper()
	r := registrytest.Start(t, registrytest.Options{})
	index, _, err := r.PushIndex(t.Context(), "team/app", "v1", "linux/amd64", "linux/arm64")
	fatal(t, err)
	ca, err := signtest.NewCA(signtest.CAOptions{})
	fatal(t, err)
	release, err := ca.Leaf(signtest.LeafOptions{})
	fatal(t, err)
	_, err = release.SignAndAttach(t.Context(), r, "team/app", index, signtest.SignOptions{})
	fatal(t, err)
	instance, err := sigstore.NewInstance(sigstore.InstanceOptions{})
	fatal(t, err)
	workflow, err := instance.Certify(sigstore.GitHub("acme/app", "release.yaml", "refs/heads/main"))
	fatal(t, err)
	_, err = workflow.SignAndAttach(t.Context(), r, "team/app", index, sigstore.SignOptions{})
	fatal(t, err)
	_, err = workflow.SignAndAttach(t.Context(), r, "team/app", index, sigstore.SignOptions{PredicateType: "https://slsa.dev/provenance/v1"})
	fatal(t, err)
	content := []byte(`{"spdxVersion":"SPDX-2.3"}`)
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/spdx+json", Config: ocispec.DescriptorEmptyJSON, Subject: &index,
		Layers:      []ocispec.Descriptor{{MediaType: "application/spdx+json", Digest: digest.FromBytes(content), Size: int64(len(content))}},
		Annotations: map[string]string{"org.opencontainers.image.title": hostile},
	}
	m.SchemaVersion = 2
	raw, err := json.Marshal(m)
	fatal(t, err)
	sbom, err := r.PushManifest(t.Context(), "team/app", "", m.MediaType, raw, []byte("{}"), content)
	fatal(t, err)
	_, err = release.SignAndAttach(t.Context(), r, "team/app", sbom, signtest.SignOptions{})
	fatal(t, err)
	trustFile = filepath.Join(t.TempDir(), "trust.json")
	fatal(t, os.WriteFile(trustFile, ca.TrustJSON(), 0o600))
	return r.Host() + "/team/app:v1", trustFile
}

// line is an item in short.
func line(i *item) string {
	s := strings.TrimSpace(string(i.Kind) + " " + i.Platform)
	for _, c := range i.Signers {
		if s += " claimed"; c.Verified {
			s = strings.TrimSuffix(s, "claimed") + "verified"
		}
		s += ":" + c.Name
	}
	return s
}

func outline(i *item, indent string) []string {
	lines := []string{indent + line(i)}
	for _, n := range append(i.Children, i.Attached...) {
		lines = append(lines, outline(n, indent+" ")...)
	}
	return lines
}

func TestDiscoverShowsWhatIsAttached(t *testing.T) {
	t.Parallel()
	image, trustFile := scene(t)
	const identity = "https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main"
	for _, tt := range []struct{ trust, word string }{{"", "claimed"}, {trustFile, "verified"}} {
		tree, err := discover(t.Context(), image, tt.trust)
		fatal(t, err)
		release := tt.word + ":CN=release,O=Acme,ST=WA,C=US"
		workflow := " claimed:" + identity
		if tt.trust != "" {
			workflow = "" // the document says nothing about Cosign: nobody looked
		}
		want := []string{
			"index", " image linux/amd64", " image linux/arm64",
			" signature " + release, " signature" + workflow, " attestation", " sbom", "  signature " + release,
		}
		got := outline(tree, "")
		if got[3] != want[3] { // both are signatures; the registry orders them by digest
			got[3], got[4] = got[4], got[3]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trust %q (-want +got):\n%s", tt.trust, diff)
		}
	}
}

func TestDiscoverSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := registrytest.Start(t, registrytest.Options{})
	if tree, err := discover(t.Context(), r.Host()+"/missing:v1", ""); tree != nil || err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("tree %v, error %v", tree, err)
	}
	if _, err := discover(t.Context(), r.Host()+"/missing:v1", "no-such-file"); err == nil || !strings.Contains(err.Error(), "no-such-file") {
		t.Errorf("error %v", err)
	}
}

// Each form holds all items, and a stranger's annotation stays text in it.
func TestDiscoverForms(t *testing.T) {
	t.Parallel()
	image, trustFile := scene(t)
	tree, err := discover(t.Context(), image, trustFile)
	fatal(t, err)
	forms := map[format]string{}
	for _, f := range []format{formatTree, formatJSON, formatDot, formatSVG} {
		var out bytes.Buffer
		fatal(t, draw(&out, f, tree))
		forms[f] = out.String()
		for _, want := range []string{"CN=release,O=Acme,ST=WA,C=US", tree.Digest, "sbom", "linux/arm64"} {
			if f == formatDot && want == tree.Digest {
				want = dotQuote(tree.Digest)
			}
			if !strings.Contains(forms[f], want) {
				t.Errorf("%s lacks %q:\n%s", f, want, forms[f])
			}
		}
	}
	var decoded item
	fatal(t, json.Unmarshal([]byte(forms[formatJSON]), &decoded))
	if diff := cmp.Diff(outline(tree, ""), outline(&decoded, "")); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	elements := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(forms[formatSVG])); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		fatal(t, err)
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	if elements["g"] != 8 || elements["script"] != 0 {
		t.Errorf("elements of the picture: %v", elements)
	}
	if keep := os.Getenv("KEEP_PICTURE"); keep != "" {
		fatal(t, os.WriteFile(keep, []byte(forms[formatSVG]), 0o600))
		t.Log("\n" + forms[formatTree])
	}
}
