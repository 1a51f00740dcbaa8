// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/opa-ratify/opa-ratify/builtins/internal/trust"
	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// tree is a JSON object under construction.
type tree = map[string]any

func newCA(tb testing.TB) *signtest.CA {
	tb.Helper()
	ca, err := signtest.NewCA(signtest.CAOptions{CommonName: "acme root"})
	if err != nil {
		tb.Fatal(err)
	}
	return ca
}

func newLeaf(tb testing.TB, ca *signtest.CA) *signtest.Signer {
	tb.Helper()
	s, err := ca.Leaf(signtest.LeafOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// statement returns a good statement with some members replaced; nil removes one.
func statement(changes tree) tree {
	s := tree{
		"name": "release", "registryScopes": []any{"*"}, "signatureVerification": tree{"level": "strict"},
		"trustStores": []any{"ca:acme"}, "trustedIdentities": []any{"*"},
	}
	maps.Copy(s, changes)
	maps.DeleteFunc(s, func(_ string, v any) bool { return v == nil })
	return s
}

func policyOf(statements ...any) tree { return tree{"version": "1.0", "trustPolicies": statements} }

func documentOf(policy, stores any) tree {
	return tree{"notation": tree{"trust_policy": policy, "trust_stores": stores}}
}

// withStatement is a document with one statement and a good store.
func withStatement(tb testing.TB, changes tree) tree {
	tb.Helper()
	return documentOf(policyOf(statement(changes)), tree{"ca:acme": []any{string(newCA(tb).PEM())}})
}

// withMaterial is a document whose store ca:acme has this value.
func withMaterial(v any) tree {
	return documentOf(policyOf(statement(nil)), tree{"ca:acme": v})
}

func text(tb testing.TB, v any) []byte {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func parse(tb testing.TB, v any) *trust.Document {
	tb.Helper()
	d, err := trust.Parse(text(tb, v), trust.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// errorsOf returns every [trust.Error] that err joins.
func errorsOf(err error) []trust.Error {
	var list []trust.Error
	var one *trust.Error
	var many interface{ Unwrap() []error }
	switch {
	case errors.As(err, &many):
		for _, e := range many.Unwrap() {
			list = append(list, errorsOf(e)...)
		}
	case errors.As(err, &one):
		list = append(list, *one)
	}
	return list
}
