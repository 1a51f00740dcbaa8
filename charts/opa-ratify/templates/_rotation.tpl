{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Whether certificates are rotated by opa-ratify-certs, beside opa-ratify in each pod. */}}
{{- define "ratify.rotated" -}}
{{- if eq (include "ratify.tls.mode" .) "rotated" -}}true{{- end -}}
{{- end -}}

{{/* Whether it follows the CA of Gatekeeper, too. */}}
{{- define "ratify.rotated.clientCA" -}}
{{- if and (include "ratify.rotated" .) .Values.gatekeeper.mutualTLS (not .Values.gatekeeper.clientCA) -}}true{{- end -}}
{{- end -}}

{{/* The Providers whose caBundle it writes. */}}
{{- define "ratify.rotated.providers" -}}
{{- list .Values.provider.name (ternary .Values.provider.mutationName "" .Values.provider.enableMutation) | compact | toJson -}}
{{- end -}}

{{/*
Its container, {root, name, once}: once before opa-ratify starts, which needs the files, and then
beside it. It has the token of the service account; opa-ratify has none for this.
*/}}
{{- define "ratify.rotated.container" -}}
{{- $root := .root -}}
{{- $rotation := $root.Values.provider.tls.rotation -}}
- name: {{ .name }}
  image: {{ include "ratify.image" $root }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [/opa-ratify-certs]
  args:
    - --namespace={{ $root.Release.Namespace }}
    - --secret={{ include "ratify.tls.secret" $root }}
    - --dns-name={{ include "ratify.tls.names" $root | fromYamlArray | join "," }}
    - --provider={{ include "ratify.rotated.providers" $root | fromJsonArray | join "," }}
    - --dir=/etc/opa-ratify/tls
    {{- if include "ratify.rotated.clientCA" $root }}
    - --gatekeeper-namespace={{ $root.Values.gatekeeper.namespace }}
    {{- end }}
    - --ca-validity={{ $rotation.caValidity }}
    - --validity={{ $rotation.validity }}
    - --renew-before={{ $rotation.renewBefore }}
    {{- if .once }}
    - --once
    {{- end }}
  {{- with $rotation.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
  volumeMounts:
    - name: tls
      mountPath: /etc/opa-ratify/tls
    - name: rotation-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
{{- end -}}

{{/* What is mounted where a token is mounted automatically. */}}
{{- define "ratify.rotated.token" -}}
- name: rotation-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - {key: ca.crt, path: ca.crt}
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end -}}
