// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"
	"fmt"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
)

// Check has each trust document that is complete and needs nothing from elsewhere
// read by parse, as the engine reads it. One that is refused is marked as
// incomplete. The error is that of a document that is not even JSON.
func (p *Plan) Check(parse func(raw []byte) error) error {
	for _, d := range p.Documents {
		if d.Incomplete != "" || d.Elsewhere {
			continue
		}
		var document any
		if err := d.Node.Decode(&document); err != nil {
			return fmt.Errorf("trust document %q: %w", d.Name, err)
		}
		raw, err := json.Marshal(document)
		if err != nil {
			return fmt.Errorf("trust document %q: %w", d.Name, err)
		}
		if err := parse(raw); err != nil {
			d.Incomplete = "it is not valid"
			d.at.Add(finding.Mistake, fmt.Sprintf("the trust document %q is not valid: %v", d.Name, err),
				"correct it, and remove it from incomplete in trust/data.yaml")
		}
	}
	return nil
}
