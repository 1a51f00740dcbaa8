// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"

	"gopkg.in/yaml.v3"
)

// Trust returns what trust.rego decides by, as data.yaml has it, of plain JSON types.
func (p *Plan) Trust() (map[string]any, error) {
	var decoded any
	if err := p.data().Decode(&decoded); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(decoded)
	if err != nil {
		return nil, err
	}
	var trust map[string]any
	return trust, json.Unmarshal(raw, &trust)
}

// Section returns the section plugins.ratify of the configuration, YAML.
func (p *Plan) Section() ([]byte, error) { return yaml.Marshal(p.section()) }

// KeyProviders lists the names of the key providers that are configured.
func (p *Plan) KeyProviders() []string {
	var names []string
	for _, v := range p.configuration.vaults {
		names = append(names, v.name)
	}
	return names
}

// Incomplete returns what has to be filled in, by the file of the document it is
// about.
func (p *Plan) Incomplete() map[string]string {
	found := map[string]string{}
	for _, d := range p.Documents {
		if d.Incomplete != "" {
			found[d.at.Place().File] = d.Incomplete
		}
	}
	return found
}
