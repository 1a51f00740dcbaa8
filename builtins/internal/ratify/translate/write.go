// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"embed"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/bundles"
)

// What tests the data of a bundle; the same for every migration. What decides is
// that of the bundle ratify.
//
//go:embed bundle
var bundle embed.FS

// Names of the files that are written.
const (
	DataFile          = "trust/data.yaml"
	ConfigurationFile = "config.yaml"
)

// Files returns the files of the bundle and of the configuration beside it, by
// their path below the bundle's folder.
func (p *Plan) Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	ratify, err := bundles.Open("ratify")
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		from fs.FS
		name string
	}{{ratify, "trust/trust.rego"}, {ratify, "trust/trust_test.rego"}, {bundle, "bundle/trust/data_test.rego"}} {
		raw, err := fs.ReadFile(f.from, f.name)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(f.name, "bundle/")] = raw
	}
	manifest, err := json.Marshal(map[string]any{"revision": "migrated", "roots": []string{"trust", "trust_test"}, "rego_version": 1})
	if err != nil {
		return nil, err
	}
	files[".manifest"] = append(manifest, '\n')
	if files[DataFile], err = commented.Document(dataHead, p.data()); err != nil {
		return nil, err
	}
	if files[ConfigurationFile], err = p.configurationFile(); err != nil {
		return nil, err
	}
	for name, text := range p.Aside {
		files[name] = []byte(commented.Lines(text))
	}
	return files, nil
}

const dataHead = `Who must have signed which images, migrated from Ratify; everything else is denied.
Each line says where it came from. bundles/default/README.md explains policies and
documents; conditions are what Ratify demands of all signatures besides.
`

// namespaces are those with policies of their own; none if they are not wanted.
func (p *Plan) namespaces(wanted bool) *commented.Node {
	m := commented.Map()
	for _, t := range p.Tenants {
		if wanted {
			commented.Set(m, t.Namespace, commented.Map(commented.Entry{Key: "policies", Value: p.policies(t.Policies)}), "")
		}
	}
	return m
}

// data is the content of data.yaml.
func (p *Plan) data() *commented.Node {
	root := commented.Map(
		commented.Entry{Key: "policies", Value: p.policies(p.Policies)},
		commented.Entry{Key: "documents", Value: p.documents()},
		commented.Entry{Key: "namespaces", Value: p.namespaces(p.Added)},
		commented.Entry{Key: "conditions", Value: p.conditions()},
	)
	if len(p.Tenants) > 0 && !p.Added {
		commented.Set(root, "tenants", p.namespaces(true), "")
	}
	incomplete := commented.Map()
	for _, d := range p.Documents {
		if d.Incomplete != "" {
			commented.Set(incomplete, d.Name, commented.Text(d.Incomplete, d.From), "")
		}
	}
	if len(incomplete.Content) > 0 {
		commented.Set(root, "incomplete", incomplete, "")
	}
	return root
}

func (p *Plan) policies(all []Policy) *commented.Node {
	list := commented.List()
	for _, one := range all {
		scopes, signers := commented.List(), commented.List()
		for _, s := range one.Scopes {
			scopes.Content = append(scopes.Content, commented.Text(s.Pattern, s.From))
		}
		for _, name := range one.Signers {
			signers.Content = append(signers.Content, commented.Text(name, p.origin(name)))
		}
		m := commented.Map(
			commented.Entry{Key: "name", Value: commented.Text(one.Name, one.From)},
			commented.Entry{Key: "scopes", Value: scopes},
			commented.Entry{Key: "signers", Value: signers},
		)
		if len(one.Signers) > 1 {
			commented.Set(m, "require", required(one), "")
		}
		list.Content = append(list.Content, m)
	}
	return list
}

// origin is where a document came from.
func (p *Plan) origin(name string) string {
	for _, d := range p.Documents {
		if d.Name == name {
			return d.From
		}
	}
	return ""
}

func required(p Policy) *commented.Node {
	if p.Need == 1 {
		return commented.Text("any", p.From)
	}
	return commented.Map(commented.Entry{Key: "threshold", Value: commented.Number(p.Need, p.From)})
}

func (p *Plan) documents() *commented.Node {
	m := commented.Map()
	for _, d := range p.Documents {
		commented.Set(m, d.Name, d.Node, d.From)
	}
	return m
}

// conditions are those of all policies, by name.
func (p *Plan) conditions() *commented.Node {
	m := commented.Map()
	all := slices.Clone(p.Policies)
	for _, t := range p.Tenants {
		all = append(all, t.Policies...)
	}
	for _, policy := range all {
		c := commented.Map()
		if policy.Refused != "" {
			commented.Set(c, "refused", commented.Text(policy.Refused, policy.From), "")
		}
		demands := commented.List()
		for _, d := range policy.Demands {
			demands.Content = append(demands.Content, commented.Map(
				commented.Entry{Key: "trust", Value: commented.Text(d.Document, p.origin(d.Document))},
				commented.Entry{Key: "format", Value: commented.Text(d.Format, d.From)},
				commented.Entry{Key: "require", Value: commented.Text(d.Require, d.From)},
			))
		}
		if len(demands.Content) > 0 {
			commented.Set(c, "signatures", demands, "")
		}
		unjudged := commented.List()
		for _, u := range policy.Unjudged {
			unjudged.Content = append(unjudged.Content, commented.Text(u.Text, u.From))
		}
		if len(unjudged.Content) > 0 {
			commented.Set(c, "unjudged", unjudged, "")
		}
		if len(c.Content) > 0 {
			commented.Set(m, policy.Name, c, "")
		}
	}
	return m
}
