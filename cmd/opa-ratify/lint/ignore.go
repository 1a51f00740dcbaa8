// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// ignore is a comment `# lint:ignore rule reason`.
type ignore struct {
	position

	File   string `json:"file"`
	Covers int    `json:"covers"` // row
	Rule   string `json:"rule"`   // "" if it names none
	Reason string `json:"reason"` // "" if it gives none
}

const directive = "lint:ignore"

func ignoresInRego(f source, comments []*ast.Comment) []ignore {
	var found []ignore
	lines := bytes.Split(f.text, []byte("\n"))
	for _, c := range comments {
		if i, ok := parseIgnore(string(c.Text)); ok {
			i.File, i.position = f.name, position{c.Location.Row, c.Location.Col}
			i.Covers = covered(lines, i.position)
			found = append(found, i)
		}
	}
	return found
}

// ignoresInYAML looks at the text: yaml.v3 does not say where comments are.
func ignoresInYAML(f source) []ignore {
	if path.Ext(f.inner) == ".json" {
		return nil
	}
	begin := regexp.MustCompile(`(?:^|\s)#\s*` + directive)
	var found []ignore
	lines := bytes.Split(f.text, []byte("\n"))
	for row, line := range lines {
		at := begin.FindIndex(line)
		if at == nil {
			continue
		}
		_, comment, _ := strings.Cut(string(line[at[0]:]), "#")
		if i, ok := parseIgnore(comment); ok {
			i.File, i.position = f.name, position{row + 1, bytes.IndexByte(line[at[0]:], '#') + at[0] + 1}
			i.Covers = covered(lines, i.position)
			found = append(found, i)
		}
	}
	return found
}

func parseIgnore(comment string) (ignore, bool) {
	words := strings.Fields(comment)
	if len(words) == 0 || words[0] != directive {
		return ignore{}, false
	}
	var i ignore
	if len(words) > 1 {
		i.Rule = words[1]
		i.Reason = strings.Join(words[2:], " ")
	}
	return i, true
}

// covered is the row that a comment speaks of: its own if there is something
// before it, else the next that is not a comment.
func covered(lines [][]byte, comment position) int {
	if len(bytes.TrimSpace(lines[comment.Row-1][:comment.Col-1])) > 0 {
		return comment.Row
	}
	for row := comment.Row; row < len(lines); row++ {
		if line := bytes.TrimSpace(lines[row]); len(line) > 0 && line[0] != '#' {
			return row + 1
		}
	}
	return comment.Row
}
