{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Values of Ratify's chart that mean nothing here and would be missed: refused, with what to do. */}}
{{- define "ratify.refusals" -}}
{{- $values := .Values -}}
{{- range list "RATIFY_EXPERIMENTAL_HIGH_AVAILABILITY" "RATIFY_EXPERIMENTAL_DYNAMIC_PLUGINS" -}}
{{- if get $values.featureFlags . -}}
{{- fail (printf "featureFlags.%s has no counterpart: %s" . (get (dict "RATIFY_EXPERIMENTAL_HIGH_AVAILABILITY" "replicas share nothing, set replicaCount" "RATIFY_EXPERIMENTAL_DYNAMIC_PLUGINS" "nothing is downloaded and executed; write the rule in Rego, policy.source=configMap or bundle") .)) -}}
{{- end -}}
{{- end -}}
{{- if $values.policy.useRego -}}
{{- fail "policy.useRego is Ratify's own policy language: put package trust into a ConfigMap or a bundle, policy.source=configMap or policy.source=bundle" -}}
{{- end -}}
{{- range list "policies" "documents" "namespaces" "exemptions" "sbom" "vulnerability" -}}
{{- if and (ne $values.policy.source "values") (get $values.policy .) -}}
{{- fail (printf "policy.%s counts only with policy.source=values: set that, or write it where policy.source=%s has the policy" . $values.policy.source) -}}
{{- end -}}
{{- end -}}
{{- range list "notationCerts" "notationCert" "notaryCert" "cosignKeys" -}}
{{- if and (get $values .) (has $values.policy.source (list "configMap" "bundle")) -}}
{{- fail (printf "%s counts only with policy.source=resources or values: put it into the policy that policy.source=%s names, or leave it out" . $values.policy.source) -}}
{{- end -}}
{{- end -}}
{{- if $values.sbom.enabled -}}
{{- fail "sbom.enabled is no value here: set policy.source=values and policy.sbom={trust: notation, settings: {denied_licenses: [AGPL-3.0-only]}}, and gatekeeper.constraints.kinds={SbomValidation}" -}}
{{- end -}}
{{- if $values.vulnerabilityreport.enabled -}}
{{- fail "vulnerabilityreport.enabled is no value here: set policy.source=values and policy.vulnerability={trust: notation, settings: {denied_severities: [critical]}}, and gatekeeper.constraints.kinds={VulnerabilityReportValidation}" -}}
{{- end -}}
{{- if $values.akvCertConfig.enabled -}}
{{- fail "akvCertConfig is Ratify's first name of azurekeyvault: write azurekeyvault.enabled, vaultURI, tenantId and certificates[0].name" -}}
{{- end -}}
{{- if ne $values.provider.cache.type "ristretto" -}}
{{- fail (printf "provider.cache.type=%s has no counterpart: no verdict is shared between replicas; leave it out" $values.provider.cache.type) -}}
{{- end -}}
{{- if semverCompare "<3.11.0-0" $values.gatekeeper.version -}}
{{- fail (printf "gatekeeper.version %s has no externaldata.gatekeeper.sh/v1beta1: use Gatekeeper 3.11 or later" $values.gatekeeper.version) -}}
{{- end -}}
{{- if and $values.podDisruptionBudget.enabled (gt (int $values.replicaCount) (int $values.autoscaling.maxReplicas)) $values.autoscaling.enabled -}}
{{- fail (printf "autoscaling.maxReplicas %d is below replicaCount %d: raise it" (int $values.autoscaling.maxReplicas) (int $values.replicaCount)) -}}
{{- end -}}
{{- end -}}
