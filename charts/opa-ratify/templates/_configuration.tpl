{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
Ratify's authProviders as entries of plugins.ratify.credentials: a list, where Ratify's
chart had one key. The only one is the Store's, if there is a Store.
*/}}
{{- define "ratify.credentials" -}}
{{- $auth := .Values.oras.authProviders -}}
{{- $entries := .Values.credentials -}}
{{- if $auth.awsApiOverride.enabled -}}
{{- fail "oras.authProviders.awsApiOverride has no counterpart: the region is read from the registry's host; leave it out, and see credentials for sts_region" -}}
{{- end -}}
{{- if not (include "ratify.authProvider" .) -}}
{{- if $auth.azureWorkloadIdentityEnabled -}}
{{- $entries = append $entries (dict "provider" "azure_acr" "method" "workload_identity" "client_id" .Values.azureWorkloadIdentity.clientId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.azureManagedIdentityEnabled -}}
{{- $entries = append $entries (dict "provider" "azure_acr" "method" "managed_identity" "client_id" .Values.azureManagedIdentity.clientId "tenant_id" .Values.azureManagedIdentity.tenantId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.alibabacloudAcrBasicEnabled -}}
{{- with .Values.alibabacloudAcrConfig -}}
{{- $entries = append $entries (dict "provider" "alibabacloud_acr" "default_instance" .defaultInstanceId "instances" .acrInstancesConfig) -}}
{{- end -}}
{{- end -}}
{{- if $auth.awsEcrBasicEnabled -}}
{{- $entries = append $entries (dict "provider" "aws_ecr") -}}
{{- end -}}
{{- if $auth.k8secretsEnabled -}}
{{- $entry := dict "provider" "kubernetes_secrets" "service_account" .Values.serviceAccount.name -}}
{{- with $auth.k8secretsSecretTimeout -}}
{{- $entry = set $entry "refresh_interval" (printf "%ds" (int .)) -}}
{{- end -}}
{{- $entries = append $entries $entry -}}
{{- end -}}
{{- end -}}
{{- include "ratify.compact" $entries -}}
{{- end -}}

{{/* Entries without what is empty. */}}
{{- define "ratify.compact" -}}
{{- $entries := list -}}
{{- range . -}}
{{- $entry := dict -}}
{{- range $key, $value := . -}}
{{- if $value -}}
{{- $entry = set $entry $key $value -}}
{{- end -}}
{{- end -}}
{{- $entries = append $entries $entry -}}
{{- end -}}
{{- toYaml $entries -}}
{{- end -}}

{{- define "ratify.keyProviders" -}}
{{- $providers := .Values.keyProviders -}}
{{- with .Values.azurekeyvault -}}
{{- if .enabled -}}
{{- if not .vaultURI -}}
{{- fail "azurekeyvault.vaultURI is empty: give the URL of the vault, https://NAME.vault.azure.net" -}}
{{- end -}}
{{- if not (or .certificates .keys) -}}
{{- fail "azurekeyvault has neither certificates nor keys: name what is trusted, azurekeyvault.certificates[0].name" -}}
{{- end -}}
{{- $vault := dict "name" "kmprovider-akv" "type" "azurekeyvault" "vault_uri" .vaultURI "tenant_id" .tenantId "client_id" $.Values.azureWorkloadIdentity.clientId "refresh_interval" .refreshInterval "certificates" .certificates "keys" .keys -}}
{{- if not (include "ratify.resources" $) -}}
{{- $providers = append $providers $vault -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "ratify.compact" $providers -}}
{{- end -}}

{{/* The section plugins.ratify. */}}
{{- define "ratify.plugin" -}}
{{- $plugin := dict -}}
{{- range $key, $value := dict "registries" .Values.registries "allowed_registries" .Values.allowedRegistries "credentials" (include "ratify.credentials" . | fromYamlArray) "key_providers" (include "ratify.keyProviders" . | fromYamlArray) -}}
{{- if $value -}}
{{- $plugin = set $plugin $key $value -}}
{{- end -}}
{{- end -}}
{{- if and .Values.oras.useHttp (not (include "ratify.plainHTTP" .)) -}}
{{- fail "oras.useHttp without a registry: credentials would go to whoever listens; say which, registries[0].match=registry.example:5000,registries[0].plain_http=true" -}}
{{- end -}}
{{- if or .Values.dockerConfig .Values.registryCredsSecret -}}
{{- $plugin = set $plugin "docker_config" (dict "path" "/etc/opa-ratify/docker/config.json") -}}
{{- end -}}
{{- $cache := dict -}}
{{- if eq .Values.policy.source "resources" -}}
{{- $watch := dict "watch" "kubernetes" "namespaced" .Values.policy.resources.namespaced -}}
{{- with .Values.policy.resources.namespaces -}}
{{- $watch = set $watch "namespaces" . -}}
{{- end -}}
{{- $plugin = set $plugin "resources" $watch -}}
{{- else -}}
{{- $ttl := ternary (printf "%ds" (int .Values.oras.cache.ttl)) "0s" .Values.oras.cache.enabled -}}
{{- $cache = dict "tag_ttl" $ttl "referrers_ttl" $ttl -}}
{{- end -}}
{{- if not .Values.provider.cache.enabled -}}
{{- $cache = set $cache "report_bytes" "0" -}}
{{- else if .Values.provider.cache.cacheSizeMb -}}
{{- $cache = set $cache "report_bytes" (printf "%dMiB" (int .Values.provider.cache.cacheSizeMb)) -}}
{{- end -}}
{{- with $cache -}}
{{- $plugin = set $plugin "cache" . -}}
{{- end -}}
{{- if not .Values.crl.cache.enabled -}}
{{- $plugin = set $plugin "revocation" (dict "cache_bytes" 0) -}}
{{- end -}}
{{- with .Values.provider.timeout -}}
{{- $plugin = set $plugin "gatekeeper" (dict "timeout" (printf "%dms" (sub (mul .validationTimeoutSeconds 1000) 100)) "mutation_timeout" (printf "%dms" (sub (mul .mutationTimeoutSeconds 1000) 50))) -}}
{{- end -}}
{{- toYaml $plugin -}}
{{- end -}}

{{- define "ratify.plainHTTP" -}}
{{- range .Values.registries -}}{{- if .plain_http -}}yes{{- end -}}{{- end -}}
{{- end -}}

{{/* Where a bundle is fetched, as OPA has it: services, bundles, keys. */}}
{{- define "ratify.bundle" -}}
{{- $bundle := .Values.policy.bundle -}}
{{- range list "url" "resource" -}}
{{- if not (get $bundle .) -}}
{{- fail (printf "policy.bundle.%s is empty: with policy.source=bundle give the server and the bundle there, policy.bundle.url=https://bundles.example,policy.bundle.resource=trust.tar.gz" .) -}}
{{- end -}}
{{- end -}}
{{- $service := dict "url" $bundle.url -}}
{{- if eq $bundle.type "oci" -}}
{{- $service = set $service "type" "oci" -}}
{{- end -}}
{{- if $bundle.ca -}}
{{- $service = set $service "tls" (dict "ca_cert" "/etc/opa-ratify/configuration/bundle-ca.crt" "system_ca_required" true) -}}
{{- end -}}
{{- if $bundle.credentials.secretName -}}
{{- $service = set $service "credentials" (dict "bearer" (dict "scheme" $bundle.credentials.scheme "token_path" (printf "/etc/opa-ratify/bundle-credentials/%s" $bundle.credentials.key))) -}}
{{- end -}}
{{- $trust := dict "service" "trust" "resource" $bundle.resource "persist" $bundle.persist "polling" (dict "min_delay_seconds" $bundle.polling.minDelaySeconds "max_delay_seconds" $bundle.polling.maxDelaySeconds) -}}
{{- $keys := dict -}}
{{- with $bundle.signing -}}
{{- if .publicKey -}}
{{- $trust = set $trust "signing" (dict "keyid" .keyID "scope" .scope) -}}
{{- $keys = dict .keyID (dict "algorithm" .algorithm "key" .publicKey) -}}
{{- end -}}
{{- end -}}
{{- dict "services" (dict "trust" $service) "bundles" (dict "trust" $trust) "keys" $keys | toYaml -}}
{{- end -}}

{{/* OPA's configuration. */}}
{{- define "ratify.configuration" -}}
{{- $configuration := dict "persistence_directory" "/var/lib/opa-ratify" "plugins" (dict "ratify" (include "ratify.plugin" . | fromYaml)) -}}
{{- if eq .Values.policy.source "bundle" -}}
{{- $configuration = merge $configuration (include "ratify.bundle" . | fromYaml) -}}
{{- end -}}
{{- mergeOverwrite $configuration (deepCopy .Values.opa.config) | toYaml -}}
{{- end -}}

{{/* Log levels of Ratify that OPA lacks become the one that says no less. */}}
{{- define "ratify.logLevel" -}}
{{- get (dict "trace" "debug" "debug" "debug" "error" "error" "fatal" "error" "panic" "error") .Values.logger.level | default "info" -}}
{{- end -}}
