// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"bytes"
	"fmt"
	"path"
)

// licenceHeader finds sources whose first line is not the licence.
func licenceHeader(t *Tree) []string {
	headers := map[string]string{
		".go":   "// SPDX-License-Identifier: Apache-2.0",
		".rego": "# SPDX-License-Identifier: Apache-2.0",
	}
	var findings []string
	for _, f := range t.files {
		header, ok := headers[path.Ext(f.path)]
		first, _, _ := bytes.Cut(f.text, []byte("\n"))
		if ok && !f.isTestdata() && string(first) != header {
			findings = append(findings, fmt.Sprintf("%s:1: want %q", f.path, header))
		}
	}
	return findings
}

// trailingSpaces finds lines of text that end in a space or a tab, and text that does
// not end in a newline. What is in testdata is kept as it came.
func trailingSpaces(t *Tree) []string {
	var findings []string
	for _, f := range t.files {
		if f.isTestdata() || bytes.IndexByte(f.text, 0) >= 0 {
			continue
		}
		line := 0
		for text := range bytes.Lines(f.text) {
			line++
			if !bytes.HasSuffix(text, []byte("\n")) {
				findings = append(findings, fmt.Sprintf("%s:%d: no newline at the end", f.path, line))
			}
			if text = bytes.TrimSuffix(text, []byte("\n")); len(bytes.TrimRight(text, " \t\r")) != len(text) {
				findings = append(findings, fmt.Sprintf("%s:%d: trailing space", f.path, line))
			}
		}
	}
	return findings
}
