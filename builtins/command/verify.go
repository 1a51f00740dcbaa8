// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// verifyOptions are what a person asks with.
type verifyOptions struct {
	policy   policy
	trust    string
	platform string
	timeout  time.Duration
	fresh    bool
	explain  bool
	output   format
}

func verifyCommand() *cobra.Command {
	o := verifyOptions{output: formatTable}
	c := &cobra.Command{
		Use:   "verify IMAGE...",
		Short: "Say whether images may run, and why",
		Long: `Verifies what is attached to images and says what came of it: the verdict, each
signature with its checks, what came nearest if none is accepted, and where the
time went.

With -b or -d the policy decides (package trust, as a server asks it); --explain
tells which rule it was. With --trust a trust document does, a JSON or YAML file.
With neither, notation's trust policy and trust store on this machine do.

The exit code is the verdict: 0 verified, 1 rejected, 2 could not tell. Of several
images the worst counts, and a rejection is the worst.

RATIFY_CONFIG names a file with plugins.ratify, for registries that need it;
RATIFY_EVIDENCE a directory of captured evidence to use in place of registries.`,
		Example: `  opa-ratify verify registry.example/app:v1 -b bundles/default --explain
  opa-ratify verify registry.example/app:v1 --trust trust.yaml --output json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, images []string) error {
			answers, err := o.verify(c.Context(), images)
			if err != nil {
				return exit(c, exitUnknown, err)
			}
			if err := o.output.print(c.OutOrStdout(), answers); err != nil {
				return exit(c, exitUnknown, err)
			}
			return exit(c, code(answers), nil)
		},
	}
	f := c.Flags()
	o.policy.flags(f)
	f.StringVar(&o.trust, "trust", "", "trust document, a JSON or YAML file, in place of a policy")
	f.StringVar(&o.platform, "platform", "", "os/architecture of a child of an index that must be signed too, or * for all (with --trust)")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "time for one image")
	f.BoolVar(&o.fresh, "fresh", false, "ask the registry, whatever is known (with --trust)")
	f.BoolVar(&o.explain, "explain", false, "tell which rules of the policy decided")
	formats(&o.output, f, formatTable, formatJSON)
	return c
}

// answer is what is said about one image.
type answer struct {
	Image    string         `json:"image"`
	Verdict  report.Verdict `json:"verdict"` // the decision of the policy, or the report's
	Decision *decision      `json:"decision,omitempty"`
	Report   *report.Report `json:"report"`
	Stages   []stage        `json:"stages"`
	Rules    []rule         `json:"rules,omitempty"`
	Error    string         `json:"error,omitempty"` // why there is no answer
}

// stage is how long one step of the flow took, in milliseconds.
type stage struct {
	Name         string  `json:"name"`
	Milliseconds float64 `json:"milliseconds"`
}

// atOnce bounds the images that are asked about at the same time.
const atOnce = 16

func (o *verifyOptions) verify(ctx context.Context, images []string) ([]answer, error) {
	ask, err := o.asker(ctx)
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(images))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, image := range images {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, o.timeout)
			defer cancel()
			watched, stages := watch(ctx)
			answers[i] = ask(watched, image)
			answers[i].Image, answers[i].Stages = image, stages()
		})
	}
	wg.Wait()
	return answers, nil
}

// asker is whom the images are shown to.
func (o *verifyOptions) asker(ctx context.Context) (func(context.Context, string) answer, error) {
	if o.policy.given() {
		if o.trust != "" || o.platform != "" || o.fresh {
			return nil, errors.New("--trust, --platform and --fresh are the policy's business: leave them out, or leave out -b and -d")
		}
		d, err := o.policy.prepare(ctx)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, image string) answer { return o.decide(ctx, d, image) }, nil
	}
	if o.explain {
		return nil, errors.New("--explain tells what a policy did: name one by -b or -d")
	}
	s, err := service.Current() //nolint:contextcheck // the service is the process's
	if err != nil {
		return nil, err
	}
	doc, untrusted := s.LocalTrust() //nolint:contextcheck // reads files
	if o.trust != "" {
		if doc, err = readTrust(ctx, s, o.trust); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, image string) answer {
		r := s.Verify(ctx, verify.Request{
			Image: image, Trust: doc, Untrusted: untrusted, Platform: o.platform, Fresh: o.fresh, Timeout: o.timeout,
		})
		return answer{Verdict: r.Verdict, Report: r}
	}, verify.CheckPlatform(o.platform)
}

func (o *verifyOptions) decide(ctx context.Context, d *decider, image string) answer {
	var tracer *topdown.BufferTracer
	var options []rego.EvalOption
	if o.explain {
		tracer = topdown.NewBufferTracer()
		options = append(options, rego.EvalQueryTracer(tracer), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
	}
	said, err := d.ask(ctx, image, options...)
	if err != nil {
		return answer{Verdict: report.Inconclusive, Error: err.Error()}
	}
	a := answer{Decision: &said, Report: typed(said.Report)}
	a.Verdict = verdictOf(said, a.Report)
	if tracer != nil {
		a.Rules = explain(*tracer, said.Allow)
	}
	return a
}

// typed reads the report of a policy as ours, as far as it is one.
func typed(fields map[string]any) *report.Report {
	raw, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	var r report.Report
	if fields == nil || json.Unmarshal(raw, &r) != nil {
		return nil
	}
	return &r
}

// verdictOf is what the policy's decision means: only what could not be seen keeps
// a denial from being a rejection.
func verdictOf(d decision, r *report.Report) report.Verdict {
	switch {
	case d.Allow:
		return report.Verified
	case r != nil && r.Verdict == report.Inconclusive:
		return report.Inconclusive
	default:
		return report.Rejected
	}
}

func code(answers []answer) int {
	has := func(v report.Verdict) bool {
		return slices.ContainsFunc(answers, func(a answer) bool { return a.Verdict == v })
	}
	switch {
	case has(report.Rejected):
		return exitRejected
	case has(report.Inconclusive):
		return exitUnknown
	default:
		return 0
	}
}

// maxTrust bounds a trust document, in bytes.
const maxTrust = 4 << 20

// readTrust reads a trust document; YAML is read as the JSON it stands for.
func readTrust(ctx context.Context, s *service.Service, path string) (*trust.Document, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxTrust {
		err = fmt.Errorf("more than %d bytes", maxTrust)
	}
	if err != nil {
		return nil, fmt.Errorf("--trust %s: %w", path, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--trust: %w", err)
	}
	var document any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("--trust %s: %w", path, err)
	}
	if raw, err = json.Marshal(document); err != nil {
		return nil, fmt.Errorf("--trust %s: %w", path, err)
	}
	doc, err := s.ParseTrust(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("--trust %s: %w", path, err)
	}
	return doc, nil
}
