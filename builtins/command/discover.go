// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins/internal/attached"
	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

const (
	formatTree format = "tree"
	formatDot  format = "dot"
	formatSVG  format = "svg"
)

func discoverCommand() *cobra.Command {
	var output format
	var trustFile string
	c := &cobra.Command{
		Use:   "discover IMAGE",
		Short: "Show everything that is attached to an image",
		Long: `Shows what is attached to an image, and to that, and so on: signatures,
attestations, SBOMs, by the Referrers API, the referrers tag schema and Cosign's
tags, with types, sizes, annotations and who signed.

Who signed is what a signature claims, unless --trust names a trust document that
accepts it: then it is marked as verified.

The exit code is 0 if all could be read and 2 if not.`,
		Example: `  opa-ratify discover registry.example/app:v1
  opa-ratify discover registry.example/app:v1 --output svg >app.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, images []string) error {
			tree, err := discover(c.Context(), images[0], trustFile)
			if tree != nil {
				if printErr := draw(c.OutOrStdout(), output, tree); printErr != nil {
					return exit(c, exitUnknown, printErr)
				}
			}
			if err != nil {
				return exit(c, exitUnknown, err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&trustFile, "trust", "", "trust document, a JSON or YAML file, that says whom to believe")
	formats(&output, c.Flags(), formatTree, formatJSON, formatDot, formatSVG)
	return c
}

func draw(w io.Writer, output format, tree *item) error {
	switch output {
	case formatJSON:
		return printJSON(w, tree)
	case formatDot:
		return drawDot(w, tree)
	case formatSVG:
		return drawSVG(w, tree)
	default:
		return drawTree(w, tree)
	}
}

// item is one manifest as it is shown.
type item struct {
	Reference    string            `json:"reference"`
	Kind         kind              `json:"kind"`
	ArtifactType string            `json:"artifact_type"`
	MediaType    string            `json:"media_type"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"` // of the manifest, in bytes
	Tag          string            `json:"tag,omitempty"`
	Platform     string            `json:"platform,omitempty"`
	Annotations  map[string]string `json:"annotations"`
	Contents     []content         `json:"contents"`
	Signers      []claim           `json:"signers"`
	Children     []*item           `json:"children"`
	Attached     []*item           `json:"attached"`
}

type content struct {
	MediaType string `json:"media_type"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"` // in bytes
}

// claim is a signer of the item's subject.
type claim struct {
	Name     string `json:"name"`
	Verified bool   `json:"verified"`
}

// kind is what a manifest is to a person.
type kind string

const (
	kindIndex       kind = "index"
	kindImage       kind = "image"
	kindSignature   kind = "signature"
	kindAttestation kind = "attestation"
	kindSBOM        kind = "sbom"
	kindReport      kind = "report"
	kindArtifact    kind = "artifact"
)

// discover returns the tree beside an error that says what is missing in it.
func discover(ctx context.Context, image, trustFile string) (*item, error) {
	s, err := service.Current() //nolint:contextcheck // the service is the process's
	if err != nil {
		return nil, err
	}
	doc, err := s.Nobody(ctx)
	if trustFile != "" {
		doc, err = readTrust(ctx, s, trustFile)
	}
	if err != nil {
		return nil, err
	}
	root, err := s.Discover(ctx, image, attached.Options{})
	if root == nil {
		return nil, err
	}
	return show(root, s.Signers(ctx, root, doc), true), err
}

func show(n *attached.Node, signers map[string][]report.Signature, top bool) *item {
	d := n.Descriptor
	i := &item{
		Reference: n.Reference.String(), ArtifactType: d.ArtifactType, MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size, Tag: n.Tag,
		Annotations: map[string]string{}, Contents: []content{}, Signers: []claim{}, Children: []*item{}, Attached: []*item{},
	}
	for k, v := range d.Annotations {
		i.Annotations[report.OneLine(k)] = report.OneLine(v)
	}
	if p := d.Platform; p != nil {
		i.Platform = strings.TrimSuffix(fmt.Sprintf("%s/%s/%s", p.OS, p.Architecture, p.Variant), "/")
	}
	for _, l := range n.Contents {
		i.Contents = append(i.Contents, content{report.OneLine(l.MediaType), l.Digest.String(), l.Size})
	}
	for _, s := range signers[i.Digest] {
		i.Signers = append(i.Signers, claim{Name: claimed(s), Verified: s.Verified})
	}
	i.Kind = kindOfNode(n, len(i.Signers) > 0, top)
	for _, c := range n.Children {
		i.Children = append(i.Children, show(c, signers, true))
	}
	for _, a := range n.Attached {
		i.Attached = append(i.Attached, show(a, signers, false))
	}
	slices.SortStableFunc(i.Attached, func(a, b *item) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	return i
}

// order is that of what is attached to one subject.
var order = []kind{kindSignature, kindAttestation, kindSBOM, kindReport, kindArtifact} //nolint:gochecknoglobals // a constant list

// claimed names a signer; "" for one that cannot be read.
func claimed(s report.Signature) string {
	if name := signer(s.Signer); s.Signer.Kind != "" {
		return report.OneLine(name)
	}
	if s.Format == "cosign" {
		return "a key"
	}
	return ""
}

// kindOfNode goes by what the manifest says of itself; the words are for people.
func kindOfNode(n *attached.Node, signature, top bool) kind {
	words := []string{
		n.Descriptor.ArtifactType, n.Tag,
		n.Descriptor.Annotations["dev.sigstore.bundle.content"], n.Descriptor.Annotations["dev.sigstore.bundle.predicateType"],
	}
	for _, c := range n.Contents {
		words = append(words, c.MediaType)
	}
	said := strings.ToLower(strings.Join(words, " "))
	contains := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case top && n.Descriptor.MediaType != ocispec.MediaTypeImageManifest && len(n.Children) > 0:
		return kindIndex
	case top:
		return kindImage
	case signature, contains("notary.signature", "simplesigning", "cosign/sign"):
		return kindSignature
	case contains("dsse", "in-toto", "sigstore.bundle", ".att"):
		return kindAttestation
	case contains("spdx", "cyclonedx", ".sbom", "sbom"):
		return kindSBOM
	case contains("sarif", "vuln", "scan", "openvex"):
		return kindReport
	default:
		return kindArtifact
	}
}
