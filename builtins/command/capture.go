// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/opa-ratify/opa-ratify/builtins/internal/attached"
	"github.com/opa-ratify/opa-ratify/builtins/internal/capture"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

func captureCommand() *cobra.Command {
	var directory string
	var p policy
	c := &cobra.Command{
		Use:   "capture IMAGE... -o DIRECTORY",
		Short: "Keep all evidence about images, to test policies offline",
		Long: `Fetches what a policy may want to know about images: manifests, configurations,
signatures, attestations, SBOMs and whatever else is attached, but no layers of
images. It is written as an OCI image layout, with what tags named, which
referrers there were and the time, so that

  RATIFY_EVIDENCE=DIRECTORY opa-ratify eval -b BUNDLE ...
  RATIFY_EVIDENCE=DIRECTORY opa-ratify test BUNDLE

give the same answers without a network, whenever they are run: the clock of the
policy stands at the time of the capture.

With -b the policy is asked about each image meanwhile, so that answers of
revocation responders are kept too, which depend on what the policy trusts.

RATIFY_CONFIG names a file with plugins.ratify, for registries that need it.`,
		Example: `  opa-ratify capture registry.example/app:v1 -o testdata/app -b bundles/default`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, images []string) error {
			if directory == "" {
				return errors.New("name the directory to write: -o DIRECTORY")
			}
			if err := captureImages(c.Context(), progress{c.ErrOrStderr()}, images, directory, &p); err != nil {
				return exit(c, exitUnknown, err)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&directory, "output", "o", "", "directory to write, new or empty (required)")
	p.flags(c.Flags())
	return c
}

// captureImages writes what could be seen even if something could not: that a
// registry refused is evidence too.
func captureImages(ctx context.Context, say progress, images []string, directory string, p *policy) (err error) {
	recorder, err := capture.NewRecorder(directory, time.Now()) //nolint:forbidigo // a person asks now
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	c, err := service.Config()
	if err != nil {
		return err
	}
	s, err := service.New(c, service.Deps{Recorder: recorder}) //nolint:contextcheck // the service outlives no command
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var faults []error
	for _, image := range images {
		_, err := attached.Walk(ctx, recorder, image, attached.Options{Contents: true, Seen: func(n *attached.Node) {
			say.say("%s %s", n.Reference, kindOf(n.Descriptor))
		}})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", image, err))
		}
	}
	if p.given() {
		service.Use(s)
		defer service.Use(nil)
		faults = append(faults, askAbout(ctx, say, images, p)...)
	}
	tags, manifests, blobs := recorder.Summary()
	say.say("captured %d tags, %d manifests and %d blobs in %s", tags, manifests, blobs, directory)
	return errors.Join(faults...)
}

// askAbout asks the policy about each image, so that what it needs is captured.
func askAbout(ctx context.Context, say progress, images []string, p *policy) []error {
	d, err := p.prepare(ctx)
	if err != nil {
		return []error{err}
	}
	var faults []error
	for _, image := range images {
		answer, err := d.ask(ctx, image)
		if err != nil {
			faults = append(faults, fmt.Errorf("ask the policy about %s: %w", image, err))
			continue
		}
		say.say("%s: the policy says allow = %v", image, answer.Allow)
	}
	return faults
}

// kindOf names what a manifest is.
func kindOf(d ocispec.Descriptor) string {
	if d.ArtifactType != "" && d.ArtifactType != ocispec.MediaTypeImageConfig {
		return d.ArtifactType
	}
	return d.MediaType
}
