// SPDX-License-Identifier: Apache-2.0

package conventions

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
)

// deadLinks finds links of pages to files that are not there.
func deadLinks(t *Tree) []string {
	there := map[string]bool{".": true}
	for _, f := range t.files {
		for name := f.path; !there[name]; name = path.Dir(name) {
			there[name] = true
		}
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var findings []string
	for _, f := range t.files {
		if path.Ext(f.path) != ".md" || f.isTestdata() {
			continue
		}
		for _, m := range link.FindAllSubmatch(f.text, -1) {
			u, err := url.Parse(string(m[1]))
			if err == nil && (u.Scheme != "" || u.Path == "") {
				continue
			}
			if err != nil || !there[path.Join(f.dir(), u.Path)] {
				findings = append(findings, fmt.Sprintf("%s: link to %s: nothing is there", f.path, m[1]))
			}
		}
	}
	return findings
}
