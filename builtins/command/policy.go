// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/spf13/pflag"
)

// policy is the package trust that a person names by -b and -d, and how it is
// asked.
type policy struct {
	bundles   []string
	data      []string
	namespace string
}

func (p *policy) flags(f *pflag.FlagSet) {
	f.StringSliceVarP(&p.bundles, "bundle", "b", nil, "bundle with package trust: a directory or an archive; may be repeated")
	f.StringSliceVarP(&p.data, "data", "d", nil, "policy or data file, or a directory of them; may be repeated")
	f.StringVarP(&p.namespace, "namespace", "n", "", "namespace that the policy is told")
}

func (p *policy) given() bool { return len(p.bundles)+len(p.data) > 0 }

// question is what the policy is asked. It touches the rules that count and no
// others: a package may also hold rules that are dear or for other input.
const question = `{k: v | some k in ["allow", "report", "reasons", "warnings"]; v := data.trust[k]}`

// decision is what package trust says about one image.
type decision struct {
	Allow    bool           `json:"allow"`
	Report   map[string]any `json:"report"` // nil: the policy has none
	Reasons  []any          `json:"reasons"`
	Warnings []any          `json:"warnings"`
}

// decider is a policy that is ready to be asked. It may be used concurrently.
type decider struct {
	query     rego.PreparedEvalQuery
	namespace string
}

// errNoPolicy means that nothing defines what is asked.
var errNoPolicy = errors.New("the policy defines neither data.trust.allow nor data.trust.report: give a bundle with package trust (-b bundles/default)")

func (p *policy) prepare(ctx context.Context) (*decider, error) {
	options := []func(*rego.Rego){rego.Query(question), rego.StrictBuiltinErrors(true)}
	for _, path := range p.bundles {
		options = append(options, rego.LoadBundle(path))
	}
	if len(p.data) > 0 {
		options = append(options, rego.Load(p.data, nil))
	}
	query, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the policy: %w", err)
	}
	return &decider{query: query, namespace: p.namespace}, nil
}

// ask evaluates the policy about one image, as the server does.
func (d *decider) ask(ctx context.Context, image string, options ...rego.EvalOption) (decision, error) {
	options = append(options, rego.EvalInput(map[string]any{
		"image": image, "namespace": d.namespace, "key": image, "operation": "verify",
	}))
	results, err := d.query.Eval(ctx, options...)
	if err != nil {
		return decision{}, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return decision{}, errNoPolicy
	}
	found, ok := results[0].Expressions[0].Value.(map[string]any)
	if _, judged := found["allow"]; !ok || !judged && found["report"] == nil {
		return decision{}, errNoPolicy
	}
	var answer decision
	answer.Allow = found["allow"] == true
	answer.Report, _ = found["report"].(map[string]any)
	answer.Reasons, _ = found["reasons"].([]any)
	answer.Warnings, _ = found["warnings"].([]any)
	return answer, nil
}
