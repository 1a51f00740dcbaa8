// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

const pluginAttribute = verifier.HeaderVerificationPlugin

// The checks that compare with a clock.
const (
	checkExpiry    = "expiry"
	checkTimestamp = "authentic_timestamp"
)

// check is one validation: its line in the report and, if it failed, why.
type check struct {
	name    string
	action  trustpolicy.ValidationAction
	reached bool
	finding *report.Error // nil: passed, or not reached
}

func (c check) failed() bool { return c.finding != nil && c.action == trustpolicy.ActionEnforce }

// findResults lists the checks in the order in which they are made. The library
// merges identity into authenticity; here they are two.
func (j *judgement) findResults() []check {
	integrity := j.check("integrity", trustpolicy.TypeIntegrity, j.integrity)
	authenticity := j.check("authenticity", trustpolicy.TypeAuthenticity, j.authenticity)
	identity := j.check("identity", trustpolicy.TypeAuthenticity, j.identity)
	if authenticity.failed() {
		identity.reached, identity.finding = false, nil
	}
	return j.asOf([]check{
		integrity, authenticity, identity,
		j.check(checkExpiry, trustpolicy.TypeExpiry, j.expiry),
		j.check(checkTimestamp, trustpolicy.TypeAuthenticTimestamp, j.timestamp),
		j.check("revocation", trustpolicy.TypeRevocation, j.revocation),
	})
}

// check asks why for a result of the library that is an error.
func (j *judgement) check(name string, t trustpolicy.ValidationType, why func(error) *report.Error) check {
	c := check{name: name, action: j.statement.Action(t)}
	result := j.result(t)
	if result == nil {
		return c
	}
	c.reached = true
	if result.Error != nil {
		c.finding = why(result.Error)
	}
	return c
}

func (j *judgement) result(t trustpolicy.ValidationType) *notation.ValidationResult {
	for _, r := range j.outcome.VerificationResults {
		if r.Type == t {
			return r
		}
	}
	return nil
}

// lines returns the checks as the report shows them.
func (j *judgement) lines() []report.Check {
	var lines []report.Check
	stopped := "a demand of the signature"
	for _, c := range j.results {
		line := report.Check{Name: c.name, Action: string(c.action), Outcome: report.Passed}
		switch {
		case c.failed():
			line.Outcome, line.Message = report.Failed, c.finding.Message
			stopped = "the check of " + c.name
		case c.finding != nil:
			line.Outcome, line.Message = report.Logged, c.finding.Message
		case c.action == trustpolicy.ActionSkip:
			line.Outcome, line.Message = report.Skipped, fmt.Sprintf("the trust policy %q skips it", j.statement.Name)
		case !c.reached:
			line.Outcome, line.Message = report.Skipped, fmt.Sprintf("not reached: %s was not met", stopped)
		}
		lines = append(lines, line)
	}
	return lines
}

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// fmtKey writes an attribute's name; in COSE it may be a number.
func fmtKey(k any) string { return fmt.Sprint(k) }
