{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Where the certificate comes from: given, existing, certManager, generated; two at once are refused. */}}
{{- define "ratify.tls.mode" -}}
{{- $tls := .Values.provider.tls -}}
{{- $modes := list -}}
{{- if or $tls.crt $tls.key -}}{{- $modes = append $modes "given" -}}{{- end -}}
{{- if $tls.existingSecret -}}{{- $modes = append $modes "existing" -}}{{- end -}}
{{- if $tls.certManager.enabled -}}{{- $modes = append $modes "certManager" -}}{{- end -}}
{{- if .Values.featureFlags.RATIFY_CERT_ROTATION -}}{{- $modes = append $modes "rotated" -}}{{- end -}}
{{- if gt (len $modes) 1 -}}
{{- $names := dict "given" "provider.tls.crt and key" "existing" "provider.tls.existingSecret" "certManager" "provider.tls.certManager.enabled" "rotated" "featureFlags.RATIFY_CERT_ROTATION" -}}
{{- $given := list -}}
{{- range $modes -}}{{- $given = append $given (get $names .) -}}{{- end -}}
{{- fail (printf "the certificate has two origins, %s: set one of them, or none and the chart makes one" (join " and " $given)) -}}
{{- end -}}
{{- if eq (first $modes) "given" -}}
{{- range list "crt" "key" -}}
{{- if not (get $tls .) -}}
{{- fail (printf "You must provide a TLS certificate for Ratify to use or enable RATIFY_CERT_ROTATION: provider.tls.%s is missing, give it by --set-file, or leave out crt and key and the chart makes a certificate" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- first $modes | default "generated" -}}
{{- end -}}

{{/* The Secret with tls.crt and tls.key. */}}
{{- define "ratify.tls.secret" -}}
{{- default (printf "%s-tls" (include "ratify.fullname" .)) .Values.provider.tls.existingSecret -}}
{{- end -}}

{{/* The CA that was given, in base64. */}}
{{- define "ratify.tls.givenCA" -}}
{{- with .Values.provider.tls -}}
{{- if .cabundle -}}
{{- if not (contains "-----BEGIN CERTIFICATE-----" (b64dec .cabundle)) -}}
{{- fail "provider.tls.cabundle is no certificate in PEM and then base64: give the output of `base64 -w0 ca.crt`, or the file as provider.tls.caCert" -}}
{{- end -}}
{{- .cabundle -}}
{{- else if .caCert -}}
{{- b64enc .caCert -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The certificate: {ca, crt, key} in base64, without crt and key where somebody else keeps them.
To be called once in a rendering: what it generates is another one each time. What an earlier
installation generated is kept. Where it is rotated and
not there yet, ca is a certificate that expired in 2000 and whose key nobody has: Gatekeeper
takes no Provider without one.
*/}}
{{- define "ratify.tls" -}}
{{- $mode := include "ratify.tls.mode" . -}}
{{- $tls := .Values.provider.tls -}}
{{- $given := include "ratify.tls.givenCA" . -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace (include "ratify.tls.secret" .) | default dict -}}
{{- if eq $mode "rotated" -}}
{{- dict "ca" (dig "data" "ca.crt" "" $there | default (.Files.Get "files/nobody.crt" | b64enc)) | toYaml -}}
{{- else if eq $mode "given" -}}
{{- if not $given -}}
{{- fail "provider.tls.crt and key have no CA: Gatekeeper asks only whom it can verify; give --set-file provider.tls.caCert=ca.crt" -}}
{{- end -}}
{{- dict "ca" $given "crt" (b64enc $tls.crt) "key" (b64enc $tls.key) | toYaml -}}
{{- else if eq $mode "existing" -}}
{{- $ca := $given | default (dig "data" "ca.crt" "" $there) -}}
{{- if not $ca -}}
{{- fail (printf "the CA of Secret %s/%s is not known: it is not there, or has no ca.crt; create it before, or give --set-file provider.tls.caCert=ca.crt" .Release.Namespace $tls.existingSecret) -}}
{{- end -}}
{{- dict "ca" $ca | toYaml -}}
{{- else if and (eq $mode "certManager") $tls.certManager.issuerRef -}}
{{- if not $given -}}
{{- fail "provider.tls.certManager.issuerRef has no CA: cert-manager does not write it into a Provider; give that of the issuer, --set-file provider.tls.caCert=ca.crt" -}}
{{- end -}}
{{- dict "ca" $given | toYaml -}}
{{- else if eq $mode "certManager" -}}
{{- $kept := lookup "v1" "Secret" .Release.Namespace (printf "%s-ca" (include "ratify.fullname" .)) | default dict -}}
{{- if $kept -}}
{{- dict "ca" (index $kept.data "tls.crt") "authority" (dict "crt" (index $kept.data "tls.crt") "key" (index $kept.data "tls.key")) | toYaml -}}
{{- else -}}
{{- $ca := genCA (printf "%s.%s" (include "ratify.fullname" .) .Release.Namespace) 3650 -}}
{{- dict "ca" (b64enc $ca.Cert) "authority" (dict "crt" (b64enc $ca.Cert) "key" (b64enc $ca.Key)) | toYaml -}}
{{- end -}}
{{- else if dig "data" "ca.crt" "" $there -}}
{{- dict "ca" (index $there.data "ca.crt") "crt" (index $there.data "tls.crt") "key" (index $there.data "tls.key") | toYaml -}}
{{- else -}}
{{- $names := include "ratify.tls.names" . | fromYamlArray -}}
{{- $ca := genCA (printf "%s CA" (first $names)) 3650 -}}
{{- $certificate := genSignedCert (first $names) nil $names 3650 $ca -}}
{{- dict "ca" (b64enc $ca.Cert) "crt" (b64enc $certificate.Cert) "key" (b64enc $certificate.Key) | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The names of the Service. */}}
{{- define "ratify.tls.names" -}}
{{- $name := printf "%s.%s" (include "ratify.fullname" .) .Release.Namespace -}}
{{- list $name (printf "%s.svc" $name) (printf "%s.svc.cluster.local" $name) | toYaml -}}
{{- end -}}

{{/* Whether the pod mounts the CA of Gatekeeper from Gatekeeper's own Secret, and so follows it. */}}
{{- define "ratify.clientCA.mounted" -}}
{{- if and .Values.gatekeeper.mutualTLS (not .Values.gatekeeper.clientCA) (not (include "ratify.rotated" .)) (eq .Values.gatekeeper.namespace .Release.Namespace) -}}true{{- end -}}
{{- end -}}

{{/* The CA of Gatekeeper in PEM, where it is not mounted: given, or copied. */}}
{{- define "ratify.clientCA" -}}
{{- $gatekeeper := .Values.gatekeeper -}}
{{- if $gatekeeper.clientCA -}}
{{- $gatekeeper.clientCA -}}
{{- else -}}
{{- $secret := lookup "v1" "Secret" $gatekeeper.namespace "gatekeeper-webhook-server-cert" | default dict -}}
{{- $ca := dig "data" "ca.crt" "" $secret -}}
{{- if not $ca -}}
{{- fail (printf "the CA of Gatekeeper's certificate is not known: there is no Secret %s/gatekeeper-webhook-server-cert with ca.crt (or this is helm template, which asks no cluster); set gatekeeper.namespace, or install into the namespace of Gatekeeper, or give --set-file gatekeeper.clientCA=ca.crt, or let whoever reaches the pods ask, gatekeeper.mutualTLS=false" $gatekeeper.namespace) -}}
{{- end -}}
{{- b64dec $ca -}}
{{- end -}}
{{- end -}}
