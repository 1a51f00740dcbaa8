// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/storage"
)

// Root is where in OPA's data the bundle ratify finds what the resources of a
// cluster say.
const Root = "ratify_resources"

// owned is a part of OPA's data that belongs to the plugin alone. It is entered as
// a bundle of its own in the store, so that OPA refuses bundles whose roots take
// it in, and requests to write there; its revision shows in decision logs.
type owned struct {
	store storage.Store
	ready bool
	done  func() // run when what is being written becomes visible
}

// vacant reports, as an error that names it, a bundle in the store whose roots take
// in ours.
func vacant(ctx context.Context, store storage.Store, txn storage.Transaction) error {
	names, err := bundle.ReadBundleNamesFromStore(ctx, store, txn)
	if err != nil && !storage.IsNotFound(err) {
		return err
	}
	for _, name := range names {
		roots, err := bundle.ReadBundleRootsFromStore(ctx, store, txn, name)
		if err != nil {
			return err
		}
		if name != Root && slices.ContainsFunc(roots, takesIn) {
			return fmt.Errorf("the bundle %q has the root %q and with it data.%s, which belongs to plugins.ratify.resources; give it a .manifest with narrower roots",
				name, strings.Join(roots, ","), Root)
		}
	}
	return nil
}

// own prepares the store. The error names a bundle that has the root already.
func (o *owned) own(ctx context.Context) error {
	return storage.Txn(ctx, o.store, storage.WriteParams, func(txn storage.Transaction) error {
		if err := vacant(ctx, o.store, txn); err != nil || o.ready {
			return err
		}
		_, err := o.store.Register(ctx, txn, storage.TriggerConfig{OnCommit: o.committed})
		o.ready = err == nil
		return err
	})
}

func takesIn(root string) bool {
	root = strings.Trim(root, "/")
	return root == "" || root == Root || strings.HasPrefix(root, Root+"/")
}

// committed runs while the store is locked: whoever reads afterwards finds the new
// data and what done put in place, whoever read before neither.
func (o *owned) committed(context.Context, storage.Transaction, storage.TriggerEvent) {
	if done := o.done; done != nil {
		o.done = nil
		done()
	}
}

// write replaces the content of the root and runs done with it.
func (o *owned) write(ctx context.Context, content map[string]any, done func()) error {
	revision, err := digest(content)
	if err != nil {
		return err
	}
	txn, err := o.store.NewTransaction(ctx, storage.WriteParams)
	if err != nil {
		return err
	}
	err = o.store.Write(ctx, txn, storage.AddOp, storage.Path{Root}, content)
	if err == nil {
		err = bundle.WriteManifestToStore(ctx, o.store, txn, Root, bundle.Manifest{Revision: revision, Roots: &[]string{Root}})
	}
	if err != nil {
		o.store.Abort(ctx, txn)
		return fmt.Errorf("data.%s: %w", Root, err)
	}
	o.done = done                   // nobody else writes until this is committed
	defer func() { o.done = nil }() // if it is not
	return o.store.Commit(ctx, txn)
}

func digest(content map[string]any) (string, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
