# SPDX-License-Identifier: Apache-2.0
#
# What the cluster's resources say. The plugin keeps data.ratify_resources in step
# with those it watches (plugins.ratify.resources): "trust" is what trust.rego decides
# by, and "pending" why there is none yet. No bundle can write there.
package trust

policies := data.ratify_resources.trust.policies

documents := data.ratify_resources.trust.documents

namespaces := data.ratify_resources.trust.namespaces

conditions := data.ratify_resources.trust.conditions

tenants := data.ratify_resources.trust.tenants

incomplete := data.ratify_resources.trust.incomplete

pending := data.ratify_resources.pending

pending := _unconfigured if not data.ratify_resources

_unconfigured := "no resources are watched; set plugins.ratify.resources.watch: kubernetes"
