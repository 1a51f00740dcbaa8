// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/verifier/truststore"
)

// FromNotation compiles the trust policy and trust stores of the notation
// command line, so that a question without a trust document means what "notation
// verify" means on that machine.
//
// directory is Notation's configuration directory; "" is where notation looks:
// $NOTATION_CONFIG, else notation below the user's configuration directory. The
// error is [ErrNoTrust] if there is no trustpolicy.json; otherwise it joins one
// [Error] per problem.
//
// Certificates are read from disk by Notation's own rules, whatever o.ReadFile is.
// Unlike [Parse] it accepts a statement whose trust store is missing or empty:
// such a statement verifies nothing, and the others count.
func FromNotation(directory string, o Options) (*Document, error) {
	if directory == "" {
		var err error
		if directory, err = notationDirectory(); err != nil {
			return nil, err
		}
	}
	p := parser{loader: newLoader(o)}
	path := filepath.Join(directory, dir.PathTrustPolicy)
	raw, err := p.loader.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s; write one, or give a trust document", ErrNoTrust, path)
	}
	if err != nil {
		return nil, err
	}
	tree, err := decodeTree(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &Document{files: p.loader.watch, notation: p.directory(tree, directory)}
	if err := p.join(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d.seal(tree)
	return d, nil
}

func notationDirectory() (string, error) {
	if directory := os.Getenv("NOTATION_CONFIG"); directory != "" {
		return directory, nil
	}
	directory, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("%w: this process has no configuration directory: %w", ErrNoTrust, err)
	}
	return filepath.Join(directory, "notation"), nil
}

// directory compiles the policy and loads the stores it names, by Notation's
// own rules for files.
func (p *parser) directory(tree any, directory string) *Notation {
	stores := map[string]*Store{}
	loader := truststore.NewX509TrustStore(dir.NewSysFS(directory))
	for _, name := range namedStores(tree) {
		kind, rest, _ := strings.Cut(name, ":")
		folder := filepath.Join(directory, filepath.FromSlash(dir.X509TrustStoreDir(kind, rest)))
		p.loader.watchFolder(folder)
		store := &Store{Name: name}
		var err error
		store.Certificates, err = loader.GetCertificates(context.Background(), truststore.Type(kind), rest)
		if err != nil {
			store.Certificates, store.Missing = nil, err.Error()
		}
		stores[name] = store
	}
	return &Notation{stores: stores, statements: p.policy(tree, "", stores)}
}

// namedStores lists the trust stores a policy names; the policy itself is
// checked later. A name that is not type:name of a plain file name is left out,
// and thus reported as undefined.
func namedStores(tree any) []string {
	var doc struct {
		TrustPolicies []struct {
			TrustStores []string `json:"trustStores"`
		} `json:"trustPolicies"`
	}
	if remarshal(tree, &doc) != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, statement := range doc.TrustPolicies {
		for _, name := range statement.TrustStores {
			if validStoreName(name) == "" {
				seen[name] = true
			}
		}
	}
	return sortedKeys(seen)
}

// watchFolder notes a folder and its files: adding a file changes the first,
// writing into one only the second.
func (l *loader) watchFolder(folder string) {
	l.watch.add(folder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		l.watch.add(filepath.Join(folder, entry.Name()))
	}
}
