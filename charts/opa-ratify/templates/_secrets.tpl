{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
What the process reads from the API: {namespace: {secrets: [name], configmaps: [name], all: bool}}.
Only Secrets that are named, and where none is, those of the namespace of the release.
*/}}
{{- define "ratify.grants" -}}
{{- $grants := dict -}}
{{- $own := .Release.Namespace -}}
{{- $entries := .Values.credentials -}}
{{- if .Values.oras.authProviders.k8secretsEnabled -}}
{{- $entries = append $entries (dict "provider" "kubernetes_secrets") -}}
{{- end -}}
{{- range $entries -}}
{{- if has (default .name .provider) (list "kubernetes_secrets" "k8Secrets") -}}
{{- $namespace := default $own .namespace -}}
{{- range default list .secrets -}}
{{- $at := default $namespace .namespace -}}
{{- $grant := get $grants $at | default dict -}}
{{- $grants = set $grants $at (set $grant "secrets" (append (default list $grant.secrets) (required "credentials: a Secret of kubernetes_secrets has no name" .name))) -}}
{{- end -}}
{{- $grant := get $grants $namespace | default dict -}}
{{- if $.Values.serviceAccount.imagePullSecrets -}}
{{- $grant = set $grant "secrets" (concat (default list $grant.secrets) $.Values.serviceAccount.imagePullSecrets) -}}
{{- else if not .secrets -}}
{{- $grant = set $grant "all" true -}}
{{- end -}}
{{- $grants = set $grants $namespace (set $grant "account" true) -}}
{{- end -}}
{{- end -}}
{{- range .Values.keyProviders -}}
{{- if eq .type "kubernetes" -}}
{{- $namespace := default $own .namespace -}}
{{- range .keys -}}
{{- $at := default $namespace .namespace -}}
{{- $grant := get $grants $at | default dict -}}
{{- with .secret -}}
{{- $grant = set $grant "secrets" (append (default list $grant.secrets) .) -}}
{{- end -}}
{{- with .config_map -}}
{{- $grant = set $grant "configmaps" (append (default list $grant.configmaps) .) -}}
{{- end -}}
{{- $grants = set $grants $at $grant -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $grants -}}
{{- end -}}

{{/* Whether the pod needs a token of its service account, for the API or for Vault. */}}
{{- define "ratify.token" -}}
{{- if or (eq .Values.policy.source "resources") (include "ratify.grants" . | fromYaml) -}}true{{- end -}}
{{- range .Values.keyProviders -}}
{{- if dig "auth" "kubernetes_role" "" . -}}true{{- end -}}
{{- end -}}
{{- end -}}
