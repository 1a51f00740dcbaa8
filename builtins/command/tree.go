// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fatih/color"
)

// drawTree writes the tree with lines, as `tree` does.
func drawTree(w io.Writer, root *item) error {
	p := &page{w: w}
	p.line("%s", root.Reference)
	p.branch(root, "")
	return p.err
}

func (p *page) branch(i *item, indent string) {
	below := "│ "
	if len(i.Children)+len(i.Attached) == 0 {
		below = "  "
	}
	for _, line := range facts(i) {
		p.line("%s%s %s", indent, below, line)
	}
	next := slices.Concat(i.Children, i.Attached)
	for k, n := range next {
		fork, more := "├─ ", "│  "
		if k == len(next)-1 {
			fork, more = "└─ ", "   "
		}
		p.line("%s%s%s", indent, fork, headline(n))
		p.branch(n, indent+more)
	}
}

// headline says what an item is.
func headline(i *item) string {
	name := color.New(color.Bold).Sprint(string(i.Kind))
	switch {
	case i.Platform != "":
		name += " " + i.Platform
	case i.Kind == kindArtifact || i.Kind == kindSBOM || i.Kind == kindReport:
		name += " " + i.ArtifactType
	}
	words := []string{name}
	for _, s := range i.Signers {
		words = append(words, signerWord(s))
	}
	return strings.Join(words, " ")
}

func signerWord(c claim) string {
	switch {
	case c.Verified:
		return color.GreenString("✓ %s", c.Name)
	case c.Name == "":
		return color.YellowString("by nobody that can be read")
	default:
		return color.YellowString("claims to be by %s", c.Name)
	}
}

// facts are the lines below a headline.
func facts(i *item) []string {
	lines := []string{fmt.Sprintf("%s %s", i.Digest, bytesWord(i.Size))}
	if i.Tag != "" {
		lines = append(lines, "tag "+i.Tag)
	}
	if i.Kind != kindImage && i.Kind != kindIndex {
		for _, c := range i.Contents {
			lines = append(lines, fmt.Sprintf("content %s %s", c.MediaType, bytesWord(c.Size)))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(i.Annotations)) {
		lines = append(lines, fmt.Sprintf("%s: %s", k, short(i.Annotations[k], 100)))
	}
	return lines
}

func bytesWord(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
}

func short(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// drawDot writes the tree for Graphviz.
func drawDot(w io.Writer, root *item) error {
	p := &page{w: w}
	p.line("digraph image {")
	p.line(`  rankdir=LR; node [shape=box, style="rounded,filled", fontname="sans-serif", fillcolor=white];`)
	p.dot(root)
	p.line("}")
	return p.err
}

func (p *page) dot(i *item) {
	label := []string{string(i.Kind) + " " + i.Platform, short(i.Digest, 20)}
	for _, s := range i.Signers {
		label = append(label, s.Name)
	}
	p.line("  %s [label=%s, color=%q];", dotQuote(i.Digest), dotQuote(strings.Join(label, "\n")), stroke(i))
	for _, n := range i.Children {
		p.line("  %s -> %s [style=dashed];", dotQuote(i.Digest), dotQuote(n.Digest))
		p.dot(n)
	}
	for _, n := range i.Attached {
		p.line("  %s -> %s [dir=back];", dotQuote(i.Digest), dotQuote(n.Digest))
		p.dot(n)
	}
}

// dotQuote writes a string of Graphviz's language.
func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
