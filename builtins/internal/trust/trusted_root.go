// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// publicGood is how a document names the root of Sigstore's public instance.
const publicGood = "public-good"

// maxTrustedRoot bounds a trusted root in bytes; Sigstore's own has 7 KiB.
const maxTrustedRoot = 1 << 20

const writeRoot = `write "public-good", the content of trusted_root.json as an object, or {"file": path}`

// trustedRoot compiles the certificate authorities, logs and timestamp
// authorities, and returns the bytes they came from.
func (p *parser) trustedRoot(v any, path string) (root.TrustedMaterial, []byte) {
	raw, ok := p.rootText(v, path)
	if !ok {
		return nil, nil
	}
	if len(raw) > maxTrustedRoot {
		p.add(path, fmt.Sprintf("it has %d bytes, at most %d are allowed", len(raw), maxTrustedRoot), "")
		return nil, nil
	}
	trusted, err := parseTrustedRoot(raw)
	if err != nil {
		p.add(path, "it is not a Sigstore trusted root: "+err.Error(), writeRoot)
		return nil, nil
	}
	return trusted, raw
}

// parseTrustedRoot also survives what the library does not expect.
func parseTrustedRoot(raw []byte) (trusted *root.TrustedRoot, err error) {
	defer func() {
		if r := recover(); r != nil {
			trusted, err = nil, fmt.Errorf("a part of it is missing: %v", r)
		}
	}()
	return root.NewTrustedRootFromJSON(raw)
}

func (p *parser) rootText(v any, path string) ([]byte, bool) {
	switch m := v.(type) {
	case string:
		if m != publicGood {
			p.add(path, fmt.Sprintf("%q is not a known trusted root", m), writeRoot)
			return nil, false
		}
		return p.loader.publicGood(), true
	case map[string]any:
		if _, isFile := m["file"]; isFile {
			return p.rootFile(m, path)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			p.add(path, err.Error(), "")
		}
		return raw, err == nil
	}
	p.add(path, "it is "+kind(v)+", not a trusted root", writeRoot)
	return nil, false
}

func (p *parser) rootFile(m map[string]any, path string) ([]byte, bool) {
	if _, ok := p.object(m, path, "file"); !ok {
		return nil, false
	}
	name, ok := p.text(m["file"], key(path, "file"))
	if !ok {
		return nil, false
	}
	raw, err := p.loader.read(name)
	if err != nil {
		p.add(key(path, "file"), err.Error(), "check the path, and that this process may read it")
	}
	return raw, err == nil
}

// publicGood reads the current root and makes the document stale when it
// changes.
func (l *loader) publicGood() []byte {
	raw := l.PublicGood()
	l.watch.live = append(l.watch.live, func() bool { return !bytes.Equal(raw, l.PublicGood()) })
	return raw
}
