{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Values of Ratify's chart that were set and change nothing, with what does. */}}
{{- define "ratify.ignored" -}}
{{- $values := .Values -}}
{{- range $path, $instead := dict
    "image.crdRepository" "custom resource definitions are in the chart"
    "provider.cache.ttl" "oras.cache.ttl says how long tags and lists are believed"
    "provider.cache.name" "replicas share nothing"
    "provider.tls.caKey" "no private key of a CA is kept"
    "upgradeCRDs.extraRules" "nothing runs in a hook"
    "crds" "there is no Job for custom resource definitions"
    "oras.authProviders.awsApiOverride.endpoint" "the registry's host says which region is asked"
    "oras.authProviders.awsApiOverride.partition" "the registry's host says which region is asked"
    "oras.authProviders.awsApiOverride.region" "the registry's host says which region is asked" }}
{{- $value := $values }}
{{- range splitList "." $path }}
{{- $value = get $value . }}
{{- end }}
{{- if $value }}
  {{ $path }}: {{ $instead }}
{{- end }}
{{- end }}
{{- if and (eq $values.policy.source "resources") (not $values.policy.resources.create) }}
{{- range list "notationCerts" "notationCert" "notaryCert" "cosignKeys" }}
{{- if get $values . }}
  {{ . }}: policy.resources.create=false makes no resource of it; those in the cluster count
{{- end }}
{{- end }}
{{- end }}
{{- if not $values.enableRuntimeDefaultSeccompProfile }}
  enableRuntimeDefaultSeccompProfile: pods always have the profile RuntimeDefault
{{- end }}
{{- if compact $values.logger.requestHeaders.traceIDHeaderName }}
  logger.requestHeaders.traceIDHeaderName: answers carry the decision id; opa.config.distributed_tracing follows traceparent
{{- end }}
{{- end -}}
