// SPDX-License-Identifier: Apache-2.0

package cosign

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
)

func malformed(format string, args ...any) *report.Error {
	return finding(report.MalformedSignature, format, args...)
}

// overLimit: evidence that is too much to look at was not seen.
func overLimit(code report.Code, format string, args ...any) *report.Error {
	e := finding(code, format, args...)
	e.Unseen = true
	return e
}

func finding(code report.Code, format string, args ...any) *report.Error {
	return &report.Error{Code: code, Message: report.Clip(fmt.Sprintf(format, args...), report.MaxMessage), Stage: report.StageVerify}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
