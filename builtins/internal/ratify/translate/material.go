// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/commented"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/finding"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/source"
)

// certificates copies the certificates of PEM text that Ratify would trust: CAs
// and self-signed ones; tsa stores of the bundle hold roots only. Nothing but
// certificates is copied.
func (t *translator) certificates(d *Document, at source.Value, storeType string) *commented.Node {
	var kept bytes.Buffer
	blocks, problem := decodePEM(at, "CERTIFICATE")
	for i, block := range blocks {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			problem = fmt.Sprintf("certificate %d cannot be read: %v", i+1, err)
			break
		}
		root := bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
		switch {
		case storeType == "tsa" && !root:
			at.Add(finding.Stricter, fmt.Sprintf("certificate %d (%s) is no root, and stores of timestamp authorities hold roots only; it was left out", i+1, c.Subject), "")
		case !root && !c.IsCA:
			at.Add(finding.Note, fmt.Sprintf("certificate %d (%s) is neither a CA nor self-signed; it was left out, as Ratify does", i+1, c.Subject), "")
		default:
			kept.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
	}
	if problem == "" && kept.Len() == 0 {
		problem = "no certificate of it can be trusted: Ratify wants CAs or self-signed ones"
	}
	if problem != "" {
		return t.incomplete(d, at, problem, "certificate in PEM")
	}
	return commented.Text(kept.String(), at.From())
}

// publicKey copies the first public key of PEM text.
func (t *translator) publicKey(d *Document, at source.Value) *commented.Node {
	blocks, problem := decodePEM(at, "PUBLIC KEY", "RSA PUBLIC KEY")
	if problem != "" {
		return t.incomplete(d, at, problem, "public key in PEM")
	}
	key, err := x509.ParsePKIXPublicKey(blocks[0].Bytes)
	if blocks[0].Type != "PUBLIC KEY" {
		key, err = x509.ParsePKCS1PublicKey(blocks[0].Bytes)
	}
	if err != nil {
		return t.incomplete(d, at, "the key cannot be read: "+err.Error(), "public key in PEM")
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return t.incomplete(d, at, "the key is of no known kind", "public key in PEM")
	}
	if len(blocks) > 1 {
		at.Add(finding.Note, "only the first key was copied, as Ratify reads it", "")
	}
	return commented.Text(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), at.From())
}

// decodePEM returns the blocks of wanted types, or what is wrong. It never
// repeats the text, which may be a secret.
func decodePEM(at source.Value, wanted ...string) (blocks []*pem.Block, problem string) {
	text := at.Text()
	if strings.Contains(text, "PRIVATE KEY") {
		return nil, "it holds a private key, which was not copied: who could read this file could sign, so replace the key"
	}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		for _, kind := range wanted {
			if block.Type == kind {
				blocks = append(blocks, block)
			}
		}
	}
	if begun := strings.Count(text, "-----BEGIN "); begun > len(blocks) {
		return nil, "a PEM block is damaged, or is no " + strings.ToLower(wanted[0])
	}
	if len(blocks) == 0 {
		return nil, "it holds no " + strings.ToLower(wanted[0]) + " in PEM"
	}
	return blocks, ""
}

// incomplete puts text in place of what could not be copied. A document with
// such text is not valid, so that whatever it is asked about is denied.
func (t *translator) incomplete(d *Document, at source.Value, problem, wanted string) *commented.Node {
	d.Incomplete = problem
	at.Mistake(problem, t.remedy(fmt.Sprintf("complete the trust document %q in trust/data.yaml and remove it from incomplete, or correct this and migrate again", d.Name)))
	return commented.Text("REPLACE with a "+wanted, at.From())
}

// copied copies a value as it stands, with the place of each part, and marks it
// as read.
func (t *translator) copied(d *Document, v source.Value) *commented.Node {
	switch {
	case v.IsMap():
		m := commented.Map()
		for _, p := range v.Pairs() {
			commented.Set(m, p.Key, t.copied(d, p.Value), p.Value.From())
		}
		return m
	case v.IsList():
		list := commented.List()
		for _, item := range v.List() {
			list.Content = append(list.Content, t.copied(d, item))
		}
		return list
	case !v.Exists():
		return commented.Plain("null", "!!null", v.From())
	}
	t.variables(d, v)
	return commented.Plain(v.Text(), v.Tag(), v.From())
}

// variables tells that a shell variable was not replaced.
func (t *translator) variables(d *Document, v source.Value) {
	found := variable(v.Text())
	if found == "" {
		return
	}
	v.Mistake(found+" is a variable that was not replaced", t.remedy("replace it and migrate again: envsubst < in.yaml | opa-ratify migrate -"))
	if d != nil {
		d.Incomplete = found + " is a variable that was not replaced"
	}
}

func variable(text string) string {
	return regexp.MustCompile(`\$(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)`).FindString(text)
}

func numbered(name string, n int) string { return fmt.Sprintf("%s %d", name, n) }
