// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/truststore"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
)

// compiled is notation-go's verifier for one statement of one trust document.
type compiled struct {
	notation.Verifier
}

// artifactReference is what the library is told: it would choose a statement by
// it, which was done already, on canonical names.
const artifactReference = "registry.invalid/selected@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// compile returns the verifier for a statement, from the cache if it was built
// before. The hash names the certificates too, so that it never serves another
// document's.
func (v *Verifier) compile(doc *trust.Document, statement *trust.Statement) (*compiled, error) {
	id := doc.Hash() + "/" + statement.Name
	if c, found := v.compiled.Get(id); found {
		return c, nil
	}
	document := statement.Document()
	if v.asOf {
		relax(document, statement)
	}
	built, err := verifier.NewWithOptions(document, storesOf(statement), nil, verifier.VerifierOptions{
		RevocationCodeSigningValidator:  v.revocation.CodeSigning,
		RevocationTimestampingValidator: v.revocation.Timestamping,
	})
	if err != nil {
		return nil, fmt.Errorf("compile trust policy %q: %w", statement.Name, err)
	}
	c := &compiled{Verifier: built}
	v.compiled.Put(id, c, 1, time.Time{})
	return c, nil
}

// stores answers the library's questions for certificates, by "type:name".
type stores map[string]*trust.Store

func storesOf(s *trust.Statement) stores {
	byName := stores{}
	for _, store := range s.Stores {
		byName[store.Name] = store
	}
	return byName
}

// GetCertificates implements notation-go's X509TrustStore.
func (s stores) GetCertificates(ctx context.Context, kind truststore.Type, name string) ([]*x509.Certificate, error) {
	full := string(kind) + ":" + name
	store, found := s[full]
	if found && len(store.Absent) > 0 && kind != truststore.TypeTSA {
		return store.Anchors(chainOf(ctx)), nil // one key provider's outage leaves the other stores in force
	}
	if found && len(store.Keys) > 0 {
		return store.Anchors(chainOf(ctx)), nil // empty for a chain of anybody else
	}
	if !found || len(store.Certificates) == 0 {
		return nil, truststore.TrustStoreError{Msg: fmt.Sprintf("the trust store %q has no certificates", full)}
	}
	return store.Certificates, nil
}
