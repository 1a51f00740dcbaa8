// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// maxMaterial bounds the bytes of one file or one answer of a key provider.
const maxMaterial = 1 << 20

const writePEM = "write -----BEGIN CERTIFICATE----- blocks and nothing else"

// material returns the certificates of one element of a trust store: PEM text,
// {"file": …} or {"provider": …, "name": …}.
func (p *parser) material(v any, path string, s *Store) []*x509.Certificate {
	switch m := v.(type) {
	case string:
		return p.certificates([]byte(m), path, false)
	case map[string]any:
		if _, isFile := m["file"]; isFile {
			return p.file(m, path)
		}
		return p.provided(m, path, s)
	}
	p.add(path, "it is "+kind(v)+", not trust material", writeAList)
	return nil
}

func (p *parser) file(m map[string]any, path string) []*x509.Certificate {
	if _, ok := p.object(m, path, "file"); !ok {
		return nil
	}
	name, ok := p.text(m["file"], key(path, "file"))
	if !ok {
		return nil
	}
	raw, err := p.loader.read(name)
	if err != nil {
		p.add(key(path, "file"), err.Error(), "check the path, and that this process may read it")
		return nil
	}
	return p.certificates(raw, fmt.Sprintf("%s (%s)", path, name), true)
}

func (p *parser) provided(m map[string]any, path string, s *Store) []*x509.Certificate {
	o, ok := p.object(m, path, "file", "provider", "name", "version")
	before := len(p.problems)
	p.strings(o, path, sortedKeys(o)...)
	switch {
	case !ok || len(p.problems) > before:
		return nil
	case text(o, "provider") == "" || text(o, "name") == "":
		p.add(path, "it names no material", `write {"file": path} or {"provider": …, "name": …, "version": …}`)
		return nil
	}
	return p.providedCertificates(o, path, s)
}

// certificates reads PEM, or DER where derAllowed: a file may be either, a
// string cannot hold DER.
func (p *parser) certificates(raw []byte, path string, derAllowed bool) []*x509.Certificate {
	read := parsePEM
	if derAllowed {
		read = certificatesOf
	}
	parsed, err := read(raw)
	if err != nil {
		p.problems = append(p.problems, atPath(err, path))
		return nil
	}
	return parsed
}

// certificatesOf reads PEM or DER.
func certificatesOf(raw []byte) ([]*x509.Certificate, error) {
	if bytes.Contains(raw, []byte("-----BEGIN")) {
		return parsePEM(raw)
	}
	certificates, err := x509.ParseCertificates(raw)
	switch {
	case err == nil && len(certificates) > 0:
		return certificates, nil
	case isPrivateKey(raw):
		return nil, &Error{Problem: "it is a PRIVATE KEY", Remedy: "remove it from here at once and replace it: trust stores hold certificates"}
	}
	return nil, &Error{Problem: "it is neither PEM nor a DER certificate", Remedy: writePEM}
}

func isPrivateKey(der []byte) bool {
	_, pkcs8 := x509.ParsePKCS8PrivateKey(der)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(der)
	_, ec := x509.ParseECPrivateKey(der)
	return pkcs8 == nil || pkcs1 == nil || ec == nil
}

// parsePEM is strict: what is not a certificate is an error, because text that
// is skipped may be the certificate somebody believes to be trusted.
func parsePEM(raw []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := bytes.TrimSpace(raw); len(rest) > 0 || len(certificates) == 0; {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, strayText(rest, len(certificates))
		}
		block, after := pem.Decode(rest)
		if block == nil || skipped(rest, after) {
			return nil, damaged(rest, len(certificates)+1)
		}
		c, err := parseBlock(block, len(certificates)+1)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, c)
		rest = bytes.TrimSpace(after)
	}
	return certificates, nil
}

// skipped reports that pem.Decode, which looks for the next good block, passed
// over a bad one.
func skipped(before, after []byte) bool {
	consumed := before[:len(before)-len(after)]
	return bytes.Count(consumed, []byte("-----BEGIN ")) != 1
}

func parseBlock(block *pem.Block, n int) (*x509.Certificate, error) {
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, &Error{Problem: fmt.Sprintf("PEM block %d is a %s block", n, block.Type), Remedy: "remove it from here at once and replace the key: trust stores hold certificates"}
	case block.Type != "CERTIFICATE":
		return nil, &Error{Problem: fmt.Sprintf("PEM block %d is a %q block, not a CERTIFICATE", n, block.Type), Remedy: writePEM}
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &Error{Problem: fmt.Sprintf("PEM block %d is not an X.509 certificate: %v", n, err), Remedy: "copy the certificate again, whole"}
	}
	return c, nil
}

func damaged(rest []byte, n int) error {
	if bytes.Contains(rest, []byte(`\n`)) {
		return &Error{Problem: fmt.Sprintf(`PEM block %d has the two characters \n in place of line ends`, n), Remedy: "unescape the text once"}
	}
	return &Error{Problem: fmt.Sprintf("PEM block %d is damaged: no matching END line, or not base64", n), Remedy: "copy the certificate again, whole"}
}

func strayText(rest []byte, blocks int) error {
	switch {
	case len(rest) == 0:
		return &Error{Problem: "it is empty", Remedy: writePEM}
	case blocks > 0:
		return &Error{Problem: fmt.Sprintf("there is trailing text after PEM block %d", blocks), Remedy: writePEM}
	case bytes.Contains(rest, []byte("-----BEGIN ")):
		return &Error{Problem: "there is text before the first PEM block", Remedy: writePEM}
	case bytes.HasPrefix(rest, []byte("/")):
		return &Error{Problem: "it looks like a path", Remedy: `write {"file": path}`}
	}
	return &Error{Problem: "it is not PEM", Remedy: writePEM}
}

func atPath(err error, path string) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Path: path, Problem: e.Problem, Remedy: e.Remedy}
	}
	return &Error{Path: path, Problem: err.Error()}
}
