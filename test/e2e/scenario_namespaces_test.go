// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
	"github.com/opa-ratify/opa-ratify/test/signtest/sigstore"
)

// Tenants: the cluster's floor holds everywhere, a namespace adds demands and weakens
// nothing. bundles/tenancy, with one opa-ratify for all namespaces.
func tenantTest(t *testing.T, w *world) {
	platform, err := sigstore.NewKey(sigstore.KeyOptions{})
	fatal(t, err)
	team, signer := authority(t, "team-a")
	floor, demand := cosign(platform, sigstore.SignOptions{}), notation(signer, signtest.SignOptions{})
	both := w.publish(t, "tenants/both", floor, demand)
	onlyFloor := w.publish(t, "tenants/floor", floor)
	onlyTeam := w.publish(t, "tenants/team", demand)
	rules := func(enforcement string, document object) object {
		return object{"policies": []any{object{"name": "team", "scopes": []string{"*"}, "trust": document, "enforcement": enforcement}}}
	}
	data := trusting(platform.TrustDocument())
	data["namespaces"] = object{"team-a": rules("deny", team.TrustDocument()), "team-b": rules("dryrun", team.TrustDocument())}
	a := w.stage(t, script{
		name: "tenants", namespace: "team-a", bundle: "tenancy", data: data,
		spec: object{"match": object{"kinds": pods, "namespaces": []string{"team-a", "team-b", "team-c"}}},
	})
	b, c := a.in("team-b"), a.in("team-c")
	w.newNamespace(t, b.ns)
	w.newNamespace(t, c.ns)

	a.admits(t, both.tag, both.tag)
	a.refuses(t, onlyFloor.tag, `policy "team": no_signature`)
	a.refuses(t, onlyTeam.tag, `policy "e2e": no_signature`)
	for _, other := range []*stage{b, c} { // one that hopes to weaken, one that says nothing
		other.admits(t, both.tag, both.tag)
		other.admits(t, onlyFloor.tag, onlyFloor.tag)
		other.refuses(t, onlyTeam.tag, `policy "e2e": no_signature`)
	}
}

// pods is a constraint's match of pods alone.
var pods = []any{object{"apiGroups": []string{""}, "kinds": []string{"Pod"}}}

// A namespace that only exists for the policy of another has no part in it: trust that
// is written for one namespace does not reach the next.
func acrossNamespacesTest(t *testing.T, w *world) {
	cluster, clusterSigner := authority(t, "cluster")
	team, teamSigner := authority(t, "new-namespace")
	byCluster := w.publish(t, "across/cluster", notation(clusterSigner, signtest.SignOptions{}))
	byTeam := w.publish(t, "across/team", notation(teamSigner, signtest.SignOptions{}))
	byBoth := w.publish(t, "across/both", notation(clusterSigner, signtest.SignOptions{}), notation(teamSigner, signtest.SignOptions{}))
	data := trusting(cluster.TrustDocument())
	data["namespaces"] = object{"new-namespace": object{"policies": []any{object{"name": "new-namespace", "scopes": []string{"*"}, "trust": team.TrustDocument()}}}}
	st := w.stage(t, script{
		name: "across", namespace: "new-namespace", bundle: "tenancy", data: data,
		spec: object{"match": object{"kinds": pods, "namespaces": []string{"new-namespace", "old-namespace"}}},
	})
	old := st.in("old-namespace")
	w.newNamespace(t, old.ns)

	st.admits(t, byBoth.tag, byBoth.tag)
	st.refuses(t, byCluster.tag, `policy "new-namespace": `)
	st.refuses(t, byTeam.tag, `policy "e2e": `)
	old.admits(t, byCluster.tag, byCluster.tag)
	old.refuses(t, byTeam.tag, "untrusted_certificate")
}

// Namespaces that the constraint leaves out are not asked about.
func excludedTest(t *testing.T, w *world) {
	ca, _ := authority(t, "excluded")
	unsigned := w.publish(t, "excluded/unsigned")
	st := w.stage(t, script{
		name: "excluded", data: trusting(ca.TrustDocument()),
		spec: object{"match": object{"kinds": pods, "namespaces": []string{"excluded", "exempt"}, "excludedNamespaces": []string{"exempt"}}},
	})
	exempt := st.in("exempt")
	w.newNamespace(t, exempt.ns)

	st.refuses(t, unsigned.tag, "no_signature")
	exempt.admits(t, unsigned.tag, unsigned.tag)
}
