{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Whether metrics have a port of their own. */}}
{{- define "ratify.metrics.separate" -}}
{{- if and .Values.instrumentation.metricsEnabled (ne (int .Values.instrumentation.metricsPort) (int .Values.healthPort)) -}}true{{- end -}}
{{- end -}}

{{/* The port that has the metrics. */}}
{{- define "ratify.metrics.port" -}}
{{- ternary "metrics" "health" (not (empty (include "ratify.metrics.separate" .))) -}}
{{- end -}}

{{/* Mounts of single keys of a volume as files of a folder: {file: key}. */}}
{{- define "ratify.mounts" -}}
{{- $mounts := list -}}
{{- range $file, $key := .files -}}
{{- $mounts = append $mounts (dict "name" $.volume "mountPath" (printf "/etc/opa-ratify/%s/%s" $.at $file) "subPath" $key "readOnly" true) -}}
{{- end -}}
{{- toYaml $mounts -}}
{{- end -}}

{{/* The path, below the folder of the policy, of a ConfigMap's one bundle; empty for loose files. */}}
{{- define "ratify.archive" -}}
{{- $files := .Values.policy.configMap.files -}}
{{- range $files -}}
{{- if hasSuffix ".tar.gz" . -}}
{{- if gt (len $files) 1 -}}
{{- fail (printf "policy.configMap.files has %s beside others: name one bundle, or loose files" .) -}}
{{- end -}}
/{{ . }}
{{- end -}}
{{- end -}}
{{- end -}}
