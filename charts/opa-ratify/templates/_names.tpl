{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* The name of the objects, as Ratify's chart makes it: Service ratify for the release ratify. */}}
{{- define "ratify.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Values.nameOverride .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ratify.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ratify.labels" -}}
{{ include "ratify.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ratify.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Namespaces that Gatekeeper must never wait in: what starts it, and us. */}}
{{- define "ratify.ownNamespaces" -}}
{{- list .Values.gatekeeper.namespace "kube-system" .Release.Namespace | uniq | toYaml -}}
{{- end -}}

{{/* Nine tenths of the memory limit, in bytes; empty if there is none. */}}
{{- define "ratify.memoryLimit" -}}
{{- with dig "limits" "memory" "" .Values.resources | toString -}}
{{- $units := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- if not (and (hasKey $units $unit) (regexMatch "^[0-9]+(\\.[0-9]+)?[A-Za-z]*$" .)) -}}
{{- fail (printf "resources.limits.memory %q is not an amount of memory: write 512Mi" .) -}}
{{- end -}}
{{- mulf (float64 (trimSuffix $unit .)) (get $units $unit) 0.9 | int64 -}}
{{- end -}}
{{- end -}}
