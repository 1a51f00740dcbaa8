{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Whether the values are to become resources of Ratify. */}}
{{- define "ratify.resources" -}}
{{- if and (eq .Values.policy.source "resources") .Values.policy.resources.create -}}true{{- end -}}
{{- end -}}

{{/*
Providers for the certificates or keys of values, under the names of Ratify's chart:
{name: text}; the one of earlier charts has no number. Of {root, name, several, single}.
*/}}
{{- define "ratify.inline" -}}
{{- $providers := dict -}}
{{- $name := printf "%s-%s" (include "ratify.fullname" .root) .name -}}
{{- range $i, $text := .several -}}
{{- $providers = set $providers (printf "%s-%d" $name $i) $text -}}
{{- end -}}
{{- with .single -}}
{{- $providers = set $providers $name . -}}
{{- end -}}
{{- toYaml $providers -}}
{{- end -}}

{{- define "ratify.inline.certificates" -}}
{{- $single := default .Values.notaryCert .Values.notationCert -}}
{{- include "ratify.inline" (dict "root" . "name" "notation-inline-cert" "several" .Values.notationCerts "single" $single) -}}
{{- end -}}

{{- define "ratify.inline.keys" -}}
{{- include "ratify.inline" (dict "root" . "name" "cosign-inline-key" "several" .Values.cosignKeys "single" .Values.cosign.key) -}}
{{- end -}}

{{/* The name of the provider that a store of a trust policy refers to. Of {root, reference}. */}}
{{- define "ratify.certificateProvider" -}}
{{- $name := printf "%s-notation-inline-cert" (include "ratify.fullname" .root) -}}
{{- if eq .reference "vault" -}}
kmprovider-akv
{{- else if .root.Values.notationCerts -}}
{{- printf "%s-%s" $name .reference -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* The stores of verifier-notation. Without types there is one, certs, which is a CA's. */}}
{{- define "ratify.verificationCertStores" -}}
{{- $root := .root -}}
{{- $stores := dict -}}
{{- range $typed, $references := .stores -}}
{{- $providers := list -}}
{{- range $references -}}
{{- $providers = append $providers (include "ratify.certificateProvider" (dict "root" $root "reference" .)) -}}
{{- end -}}
{{- $kind := splitList ":" $typed | first -}}
{{- $name := splitList ":" $typed | last -}}
{{- if eq $typed "ca:certs" -}}
{{- $stores = set $stores $name $providers -}}
{{- else -}}
{{- $stores = set $stores $kind (set (get $stores $kind | default dict) $name $providers) -}}
{{- end -}}
{{- end -}}
{{- toYaml $stores -}}
{{- end -}}

{{/* The trust policy of verifier-cosign; empty if there is neither key nor identity. */}}
{{- define "ratify.cosignTrustPolicy" -}}
{{- $root := . -}}
{{- $cosign := .Values.cosign -}}
{{- with (include "ratify.cosign" . | fromYaml).cosign -}}
{{- $policy := dict "name" "default" "scopes" (include "ratify.prefixes" $root | fromYamlArray) "tLogVerify" (eq .transparency_log "required") -}}
{{- if and .keys .identities -}}
{{- fail "cosign.keyless and keys for Cosign are both given: a trust policy of Ratify has one of them; leave one out, or set policy.source=values" -}}
{{- end -}}
{{- if .identities -}}
{{- $policy = set $policy "keyless" (include "ratify.compact" (list $cosign.keyless) | fromYamlArray | first) -}}
{{- $policy = set $policy "keyless" (set $policy.keyless "ctLogVerify" $cosign.keyless.ctLogVerify) -}}
{{- else -}}
{{- $keys := list -}}
{{- range $name, $text := include "ratify.inline.keys" $root | fromYaml -}}
{{- $keys = append $keys (dict "provider" $name) -}}
{{- end -}}
{{- if and $root.Values.azurekeyvault.enabled $root.Values.azurekeyvault.keys -}}
{{- $keys = append $keys (dict "provider" "kmprovider-akv") -}}
{{- end -}}
{{- $policy = set $policy "keys" $keys -}}
{{- end -}}
{{- toYaml $policy -}}
{{- end -}}
{{- end -}}

{{/* Scopes as Ratify's Cosign verifier has them: what references begin with, and an asterisk. */}}
{{- define "ratify.prefixes" -}}
{{- $scopes := list -}}
{{- $refused := include "ratify.cosignScopes" . -}}
{{- range .Values.cosign.scopes -}}
{{- if hasPrefix "*." . -}}
{{- fail (printf "cosign.scopes %q is no scope of Ratify's trust policies: name the registries, or set policy.source=values" .) -}}
{{- end -}}
{{- $scopes = append $scopes (printf "%s%s" (trimSuffix "*" .) (contains "/" . | or (eq . "*") | ternary "*" "/*")) -}}
{{- end -}}
{{- toYaml $scopes -}}
{{- end -}}

{{/*
The provider of credentials for the Store, which has one at most; empty if there are
several, or none: then they are in the configuration, beside whatever a Store says.
*/}}
{{- define "ratify.authProvider" -}}
{{- if include "ratify.resources" . -}}
{{- $auth := .Values.oras.authProviders -}}
{{- $entries := list -}}
{{- if $auth.azureWorkloadIdentityEnabled -}}
{{- $entries = append $entries (dict "name" "azureWorkloadIdentity" "clientID" .Values.azureWorkloadIdentity.clientId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.azureManagedIdentityEnabled -}}
{{- $entries = append $entries (dict "name" "azureManagedIdentity" "clientID" .Values.azureManagedIdentity.clientId "tenantID" .Values.azureManagedIdentity.tenantId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.alibabacloudAcrBasicEnabled -}}
{{- $entries = append $entries (dict "name" "alibabacloudAcrBasic" "defaultInstanceId" .Values.alibabacloudAcrConfig.defaultInstanceId "acrInstancesConfig" .Values.alibabacloudAcrConfig.acrInstancesConfig) -}}
{{- end -}}
{{- if $auth.awsEcrBasicEnabled -}}
{{- $entries = append $entries (dict "name" "awsEcrBasic") -}}
{{- end -}}
{{- if $auth.k8secretsEnabled -}}
{{- $entries = append $entries (dict "name" "k8Secrets" "serviceAccountName" .Values.serviceAccount.name "secretTimeout" $auth.k8secretsSecretTimeout) -}}
{{- end -}}
{{- if eq (len $entries) 1 -}}
{{- include "ratify.compact" $entries | fromYamlArray | first | toYaml -}}
{{- end -}}
{{- end -}}
{{- end -}}
