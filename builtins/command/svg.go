// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The picture: one card per manifest, indented below its subject, a line from
// subject to card. All lengths are in pixels.
const (
	cardWidth  = 640
	indentStep = 44
	margin     = 24
	lineHeight = 18
	padding    = 14
	gap        = 14
	barWidth   = 6
	textWidth  = 84 // characters that fit
)

// strokes are the colours of the kinds; they are told apart in print by the word
// on the card.
var strokes = map[kind]string{ //nolint:gochecknoglobals // a constant table
	kindIndex: "#334155", kindImage: "#334155", kindSignature: "#16a34a", kindAttestation: "#2563eb",
	kindSBOM: "#9333ea", kindReport: "#ea580c", kindArtifact: "#64748b",
}

// stroke is an item's colour: a signature is green only if it is verified.
func stroke(i *item) string {
	if i.Kind == kindSignature && !slices.ContainsFunc(i.Signers, func(c claim) bool { return c.Verified }) {
		return "#b45309"
	}
	return strokes[i.Kind]
}

// card is an item with its place.
type card struct {
	*item

	x, y, height int
	title        string
	lines        []string
	parent       *card
	child        bool // of an index, not attached to it
}

// drawSVG writes the tree as a picture that needs nothing but itself.
func drawSVG(w io.Writer, root *item) error {
	var cards []*card
	y := margin
	lay(root, nil, false, 0, &y, &cards)
	width := margin
	for _, c := range cards {
		width = max(width, c.x+cardWidth+margin)
	}
	p := &page{w: w}
	p.line(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">`, width, y-gap+margin, width, y-gap+margin)
	p.line(`<title>%s</title>`, escape(root.Reference))
	p.line(`<rect width="100%%" height="100%%" fill="#f8fafc"/>`)
	for _, c := range cards {
		p.connect(c)
	}
	for _, c := range cards {
		p.card(c)
	}
	p.line("</svg>")
	return p.err
}

// lay gives every item its place, one below the other.
func lay(i *item, parent *card, child bool, depth int, y *int, cards *[]*card) {
	c := &card{item: i, x: margin + depth*indentStep, y: *y, parent: parent, child: child, title: title(i), lines: cardLines(i)}
	if parent == nil {
		c.lines = append([]string{i.Reference[:max(strings.LastIndexByte(i.Reference, '@'), 0)]}, c.lines...)
	}
	c.height = 2*padding + lineHeight*(1+len(c.lines)) - 4
	*y += c.height + gap
	*cards = append(*cards, c)
	for _, n := range i.Children {
		lay(n, c, true, depth+1, y, cards)
	}
	for _, n := range i.Attached {
		lay(n, c, false, depth+1, y, cards)
	}
}

func title(i *item) string {
	if i.Platform != "" {
		return string(i.Kind) + " " + i.Platform
	}
	return string(i.Kind)
}

func cardLines(i *item) []string {
	var lines []string
	if i.Kind != kindImage && i.Kind != kindIndex {
		lines = append(lines, i.ArtifactType)
	}
	lines = append(lines, facts(i)...)
	for k := range lines {
		lines[k] = short(lines[k], textWidth)
	}
	return lines
}

func (p *page) connect(c *card) {
	if c.parent == nil {
		return
	}
	x, from, to := c.parent.x+indentStep/2, c.parent.y+c.parent.height, c.y+padding+lineHeight/2
	dash := ""
	if c.child {
		dash = ` stroke-dasharray="5 4"`
	}
	p.line(`<path d="M%d %dV%dQ%d %d %d %dH%d" fill="none" stroke="#94a3b8" stroke-width="1.5"%s/>`, x, from, to-8, x, to, x+8, to, c.x, dash)
}

func (p *page) card(c *card) {
	p.line(`<g transform="translate(%d %d)">`, c.x, c.y)
	p.line(`<rect width="%d" height="%d" rx="8" fill="#ffffff" stroke="#cbd5e1"/>`, cardWidth, c.height)
	p.line(`<path d="M%d 0H8Q0 0 0 8V%dQ0 %d 8 %dH%dZ" fill="%s"/>`, barWidth+2, c.height-8, c.height, c.height, barWidth+2, stroke(c.item))
	y := padding + 11
	p.text(20, y, 14, 600, stroke(c.item), c.title)
	p.signers(c, y)
	for k, line := range c.lines {
		y += lineHeight
		colour, weight := "#475569", 400
		if k == 0 && c.parent == nil {
			colour, weight = "#0f172a", 600
		}
		p.text(20, y, 12, weight, colour, line)
	}
	p.line("</g>")
}

// signers stand at the right end of the first line: green if verified.
func (p *page) signers(c *card, y int) {
	if len(c.Signers) == 0 {
		return
	}
	verified := slices.IndexFunc(c.Signers, func(s claim) bool { return s.Verified })
	shown, colour, words := c.Signers[max(verified, 0)], "#b45309", "claims to be by "
	if verified >= 0 {
		colour, words = "#15803d", "✓ verified: "
	}
	name := shown.Name
	if name == "" {
		name, words = "signer unreadable", ""
	}
	if more := len(c.Signers) - 1; more > 0 {
		name += fmt.Sprintf(" (and %d more)", more)
	}
	p.line(`<text x="%d" y="%d" font-size="12" fill="%s" text-anchor="end">%s</text>`, cardWidth-16, y, colour, escape(words+short(name, 60)))
}

func (p *page) text(x, y, size, weight int, colour, s string) {
	p.line(`<text x="%d" y="%d" font-size="%d" font-weight="%d" fill="%s">%s</text>`, x, y, size, weight, colour, escape(s))
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}
