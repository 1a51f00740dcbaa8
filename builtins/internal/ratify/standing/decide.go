// SPDX-License-Identifier: Apache-2.0

package standing

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/resource"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
)

// Options say how resources are translated.
type Options struct {
	// Translate are those of the translation. Live is set here.
	Translate translate.Options
	// Parse compiles a trust document, as the engine does. Required.
	Parse func(raw []byte) error
}

// Outcome is what the resources amount to.
type Outcome struct {
	// Trust is what trust.rego decides by.
	Trust map[string]any
	// Section is plugins.ratify, YAML.
	Section []byte
	// Verdicts say how each resource is.
	Verdicts map[Key]Verdict
}

// Verdict says how a resource is. It depends on the latest versions of the
// resources only as far as that can be: replicas with different pasts say the same.
type Verdict struct {
	// Error is what is wrong with the latest version; "" if nothing is.
	Error string
	// Told is what there is to know besides: what of it has no effect, and what is
	// admitted that Ratify denies.
	Told string
	// Provider is what trust documents call it, if it is a key provider that is
	// fetched from; "" otherwise.
	Provider string
}

// use is which version of a resource is in force.
type use int

const (
	latest use = iota
	lastGood
	none
)

// maxPasses bounds the search; each pass takes at least one version out of force.
const maxPasses = 16

// Decide says what the resources amount to, and remembers which are good. The
// error says that nothing could be made of them at all.
func (s *State) Decide(o Options) (*Outcome, error) {
	o.Translate.Live = true
	uses, verdicts := map[Key]use{}, map[Key]Verdict{}
	for k, object := range s.objects {
		if object.latest == nil {
			uses[k], verdicts[k] = object.fallback(latest), Verdict{Error: object.refused}
		}
	}
	for range maxPasses {
		p, err := s.pass(uses, o)
		if err != nil {
			return nil, err
		}
		if !s.retreatFirst(p, uses, verdicts) {
			return s.settle(p, uses, verdicts)
		}
	}
	return nil, fmt.Errorf("after %d passes something is still wrong with the resources", maxPasses)
}

// retreatFirst takes versions out of force of those that are wrong by themselves,
// before those for which they are to blame. It reports false if nothing is wrong.
func (s *State) retreatFirst(p *pass, uses map[Key]use, verdicts map[Key]Verdict) bool {
	return slices.ContainsFunc([]map[Key]string{p.unreadable, p.providers(), p.wrong, p.incomplete()}, func(wrong map[Key]string) bool {
		return s.retreat(wrong, uses, verdicts)
	})
}

// retreat takes versions out of force that are wrong. It reports whether there
// were any.
func (s *State) retreat(wrong map[Key]string, uses map[Key]use, verdicts map[Key]Verdict) bool {
	retreated := false
	for k, why := range wrong {
		if uses[k] == none {
			continue
		}
		if _, told := verdicts[k]; !told {
			verdicts[k] = Verdict{Error: why}
		}
		uses[k] = s.objects[k].fallback(uses[k])
		retreated = true
	}
	return retreated
}

// fallback is what is in force in place of a version that is wrong.
func (o *object) fallback(from use) use {
	if from == latest && o.good != nil && string(o.good) != string(o.latest) {
		return lastGood
	}
	return none
}

// settle remembers what is in force.
func (s *State) settle(p *pass, uses map[Key]use, verdicts map[Key]Verdict) (*Outcome, error) {
	for k, o := range s.objects {
		if uses[k] == latest {
			o.good = o.latest
			verdicts[k] = Verdict{Told: p.told[k]}
		}
		v := verdicts[k]
		if slices.Contains(p.plan.KeyProviders(), k.Title()) {
			v.Provider = k.Title()
		}
		verdicts[k] = v
	}
	trust, err := p.plan.Trust()
	if err != nil {
		return nil, err
	}
	section, err := p.plan.Section()
	if err != nil {
		return nil, err
	}
	return &Outcome{Trust: trust, Section: section, Verdicts: verdicts}, nil
}

// pass is one translation.
type pass struct {
	plan *translate.Plan
	keys map[string]Key // by title

	unreadable, wrong, told map[Key]string
}

func (s *State) pass(uses map[Key]use, o Options) (*pass, error) {
	p := &pass{keys: map[string]Key{}, unreadable: map[Key]string{}, wrong: map[Key]string{}, told: map[Key]string{}}
	findings, set, disabled := &finding.List{}, &resource.Set{}, map[string]bool{}
	for _, k := range s.Keys() {
		title := k.Title()
		p.keys[title] = k
		roots := source.Parse(title, s.objects[k].version(uses[k]), findings)
		if uses[k] == none && len(roots) == 0 {
			roots = source.Parse(title, k.bare(), findings)
		}
		for _, root := range roots {
			set.Add(source.Document{Root: root})
		}
		if uses[k] == none {
			disabled[title] = true
		}
	}
	set.Disable(disabled)
	p.plan = translate.Translate(set, o.Translate, findings)
	set.Unread()
	if err := p.plan.Check(o.Parse); err != nil {
		return nil, err
	}
	for _, f := range findings.Sorted() {
		k, ours := p.keys[f.File]
		switch {
		case !ours || uses[k] == none:
		case f.Kind == finding.Unreadable:
			p.unreadable[k] = joined(p.unreadable[k], f)
		case fatal(k, f):
			p.wrong[k] = joined(p.wrong[k], f)
		case f.Kind == finding.NoCounterpart, f.Kind == finding.Wider:
			p.told[k] = joined(p.told[k], f)
		}
	}
	return p, nil
}

// providers are the key providers that are wrong.
func (p *pass) providers() map[Key]string {
	found := maps.Clone(p.wrong)
	maps.DeleteFunc(found, func(k Key, _ string) bool {
		return k.Kind != "CertificateStore" && !strings.HasSuffix(k.Kind, "KeyManagementProvider")
	})
	return found
}

// incomplete are the resources that need another one that is not good.
func (p *pass) incomplete() map[Key]string {
	found := map[Key]string{}
	for title, why := range p.plan.Incomplete() {
		if k, ours := p.keys[title]; ours {
			found[k] = why
		}
	}
	return found
}

// fatal reports findings that keep a version from being in force. Of a store it is
// in force what can be: none of it widens what is trusted.
func fatal(k Key, f finding.Finding) bool {
	switch {
	case f.Kind == finding.NoCounterpart && strings.HasSuffix(k.Kind, "Store") && k.Kind != "CertificateStore":
		return strings.HasPrefix(f.Message, translate.PluginNotFound)
	case f.Kind == finding.NoCounterpart, f.Kind == finding.Mistake:
		return true
	default:
		return false
	}
}

// joined adds a finding to a text, with where in the resource it is about.
func joined(text string, f finding.Finding) string {
	_, path, _ := strings.Cut(f.From, " ")
	message := f.Message
	if path != "" && !strings.HasPrefix(message, translate.PluginNotFound) {
		message = path + ": " + message
	}
	if f.Remedy != "" {
		message += "; " + f.Remedy
	}
	if text == "" {
		return message
	}
	return text + ". " + message
}

// version is what is translated of a resource; nil: nothing is known of it.
func (o *object) version(u use) []byte {
	if u == lastGood {
		return o.good
	}
	return o.latest
}

// bare is a resource of which nothing but its name is known.
func (k Key) bare() []byte {
	raw, err := json.Marshal(map[string]any{
		"apiVersion": "config.ratify.deislabs.io/v1beta1", "kind": k.Kind,
		"metadata": map[string]any{"name": k.Name, "namespace": k.Namespace}, "spec": map[string]any{},
	})
	if err != nil {
		return nil // strings
	}
	return raw
}
