{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Ratify's values about trust become trust documents and policies; see files/policy. */}}

{{/* The certificates in PEM, a list, under whichever name they were given. */}}
{{- define "ratify.notationCerts" -}}
{{- $values := .Values -}}
{{- $certificates := $values.notationCerts -}}
{{- range $old := list "notationCert" "notaryCert" -}}
{{- with get $values $old -}}
{{- if $certificates -}}
{{- fail (printf "%s and notationCerts are both given: put all certificates into notationCerts" $old) -}}
{{- end -}}
{{- $certificates = list . -}}
{{- end -}}
{{- end -}}
{{- range $i, $certificate := $certificates -}}
{{- if not (contains "-----BEGIN CERTIFICATE-----" $certificate) -}}
{{- fail (printf "notationCerts[%d] has no certificate in PEM: give the content of the file, --set-file notationCerts[%d]=ca.crt" $i $i) -}}
{{- end -}}
{{- if contains "PRIVATE KEY-----" $certificate -}}
{{- fail (printf "notationCerts[%d] holds a private key: it would be readable in a ConfigMap; give the certificate alone, and replace that key" $i) -}}
{{- end -}}
{{- end -}}
{{- toYaml $certificates -}}
{{- end -}}

{{/* Objects in Azure Key Vault as material of a trust document; a version may be given as an identifier, whose last part it is. */}}
{{- define "ratify.vault" -}}
{{- $material := list -}}
{{- range . -}}
{{- $entry := dict "provider" "kmprovider-akv" "name" .name -}}
{{- with .version -}}
{{- $entry = set $entry "version" (splitList "/" . | last) -}}
{{- end -}}
{{- $material = append $material $entry -}}
{{- end -}}
{{- toYaml $material -}}
{{- end -}}

{{/* What a store of a trust policy refers to, and the name of the store: {name, references}. */}}
{{- define "ratify.trustStore" -}}
{{- $reference := trimPrefix (printf "%s:" .kind) .entry -}}
{{- if not (has .kind (list "ca" "tsa" "signingAuthority")) -}}
{{- fail (printf "Unknown certificate type: %s in %s of notation.trustPolicies: write ca, tsa or signingAuthority, as in ca:notationCerts[0]" .kind .entry) -}}
{{- end -}}
{{- if regexMatch "^(?i)notationcerts\\[[0-9]+\\]$" $reference -}}
{{- $index := regexFind "[0-9]+" $reference | atoi -}}
{{- if ge $index (len .certificates) -}}
{{- fail (printf "notation.trustPolicies names %s, but notationCerts has %d entries: give the certificate, --set-file notationCerts[%d]=ca.crt" .entry (len .certificates) $index) -}}
{{- end -}}
{{- dict "name" (printf "%s:notationCerts-%d" .kind $index) "references" (list (toString $index)) | toYaml -}}
{{- else if eq (lower $reference) "azurekeyvault" -}}
{{- if not .vault -}}
{{- fail (printf "notation.trustPolicies names %s, but there is no certificate in a vault: set azurekeyvault.enabled and azurekeyvault.certificates" .entry) -}}
{{- end -}}
{{- dict "name" (printf "%s:AzureKeyVault" .kind) "references" (list "vault") | toYaml -}}
{{- else -}}
{{- fail (printf "Unknown trust store reference: %s in %s of notation.trustPolicies: write notationCerts[0] or AzureKeyVault, as in ca:notationCerts[0]" $reference .entry) -}}
{{- end -}}
{{- end -}}

{{/*
The trust policy of Notation, and what its stores refer to, an index of the certificates
or "vault": {policy, stores: {type:name: [reference]}}. Empty if there is no certificate.
*/}}
{{- define "ratify.notation.references" -}}
{{- $certificates := include "ratify.notationCerts" . | fromYamlArray -}}
{{- $vault := and .Values.azurekeyvault.enabled .Values.azurekeyvault.certificates -}}
{{- $all := list -}}
{{- range $i, $certificate := $certificates -}}
{{- $all = append $all (toString $i) -}}
{{- end -}}
{{- if $vault -}}
{{- $all = append $all "vault" -}}
{{- end -}}
{{- $single := le (len .Values.notation.trustPolicies) 1 -}}
{{- $stores := dict -}}
{{- $policies := list -}}
{{- range $i, $policy := .Values.notation.trustPolicies -}}
{{- if $policy.verificatonLevel -}}
{{- fail (printf "notation.trustPolicies[%d].verificatonLevel is a misspelling that Ratify's chart did not read: write level: %s" $i $policy.verificatonLevel) -}}
{{- end -}}
{{- $named := list -}}
{{- range $policy.trustStores -}}
{{- $store := include "ratify.trustStore" (dict "entry" . "kind" (splitList ":" . | first) "certificates" $certificates "vault" $vault) | fromYaml -}}
{{- $named = append $named $store.name -}}
{{- $stores = set $stores $store.name $store.references -}}
{{- else -}}
{{- if not $single -}}
{{- fail (printf "notation.trustPolicies[%d].trustStores is empty: with several policies each names its own, ca:notationCerts[0]" $i) -}}
{{- end -}}
{{- $named = list "ca:certs" -}}
{{- with $all -}}
{{- $stores = set $stores "ca:certs" . -}}
{{- end -}}
{{- end -}}
{{- $policies = append $policies (dict
    "name" (default (printf "trustPolicy-%d" $i) $policy.name)
    "registryScopes" (default (list "*") $policy.registryScopes)
    "signatureVerification" (dict "level" (default "strict" $policy.level))
    "trustStores" $named
    "trustedIdentities" (default (list "*") $policy.trustedIdentities)) -}}
{{- end -}}
{{- if and .Values.notation.enabled $stores -}}
{{- dict "policy" (dict "version" "1.0" "trustPolicies" $policies) "stores" $stores | toYaml -}}
{{- end -}}
{{- end -}}

{{/* The trust document of Notation; empty if there is no certificate. */}}
{{- define "ratify.notation" -}}
{{- $certificates := include "ratify.notationCerts" . | fromYamlArray -}}
{{- $vault := include "ratify.vault" .Values.azurekeyvault.certificates | fromYamlArray -}}
{{- with include "ratify.notation.references" . | fromYaml -}}
{{- $stores := dict -}}
{{- range $name, $references := .stores -}}
{{- $material := list -}}
{{- range $references -}}
{{- if eq . "vault" -}}
{{- $material = concat $material $vault -}}
{{- else -}}
{{- $material = append $material (index $certificates (atoi .)) -}}
{{- end -}}
{{- end -}}
{{- $stores = set $stores $name $material -}}
{{- end -}}
{{- dict "notation" (dict "trust_policy" .policy "trust_stores" $stores) | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Who may sign with a certificate of Fulcio; empty if nobody is named. */}}
{{- define "ratify.identity" -}}
{{- $keyless := .Values.cosign.keyless -}}
{{- $identity := dict -}}
{{- range $key, $name := dict "subject" "certificateIdentity" "subject_regexp" "certificateIdentityRegExp" "issuer" "certificateOIDCIssuer" "issuer_regexp" "certificateOIDCIssuerRegExp" -}}
{{- with get $keyless $name -}}
{{- $identity = set $identity $key . -}}
{{- end -}}
{{- end -}}
{{- if $identity -}}
{{- if or (and $identity.subject $identity.subject_regexp) (and $identity.issuer $identity.issuer_regexp) -}}
{{- fail "cosign.keyless has a value and a pattern for the same: give certificateIdentity or certificateIdentityRegExp, and certificateOIDCIssuer or certificateOIDCIssuerRegExp" -}}
{{- end -}}
{{- if not (and (or $identity.subject $identity.subject_regexp) (or $identity.issuer $identity.issuer_regexp)) -}}
{{- fail "cosign.keyless is not complete: whoever has any certificate of that issuer, or of any issuer, could sign; give both certificateIdentity and certificateOIDCIssuer (or the RegExp of either)" -}}
{{- end -}}
{{- toYaml (list $identity) -}}
{{- end -}}
{{- end -}}

{{/* The trust document of Cosign; empty if there is neither key nor identity. */}}
{{- define "ratify.cosign" -}}
{{- $cosign := .Values.cosign -}}
{{- $keys := .Values.cosignKeys -}}
{{- if and $cosign.key $keys -}}
{{- fail "cosign.key and cosignKeys are both given: put all keys into cosignKeys" -}}
{{- end -}}
{{- range $i, $key := concat $keys (compact (list $cosign.key)) -}}
{{- if not (contains "PUBLIC KEY-----" $key) -}}
{{- fail (printf "cosignKeys[%d] has no public key in PEM: give the content of the file, --set-file cosignKeys[%d]=cosign.pub" $i $i) -}}
{{- end -}}
{{- end -}}
{{- if not (has $cosign.rekorURL (list "" "https://rekor.sigstore.dev" "https://rekor.sigstore.dev/")) -}}
{{- fail (printf "cosign.rekorURL %s has no counterpart: proofs of a log are verified by its keys; put keys or identities and trusted_root into policy.documents" $cosign.rekorURL) -}}
{{- end -}}
{{- $log := and $cosign.tLogVerify (not (and $cosign.key (not $cosign.rekorURL))) -}}
{{- if and .Values.azurekeyvault.enabled .Values.azurekeyvault.keys -}}
{{- $keys = concat $keys (include "ratify.vault" .Values.azurekeyvault.keys | fromYamlArray) -}}
{{- end -}}
{{- $keys = concat $keys (compact (list $cosign.key)) -}}
{{- $identities := include "ratify.identity" . | fromYamlArray -}}
{{- if and $cosign.enabled (or $keys $identities) -}}
{{- $document := dict "transparency_log" (ternary "required" "ignored" $log) -}}
{{- with $keys -}}
{{- $document = set $document "keys" . -}}
{{- end -}}
{{- with $identities -}}
{{- $document = set $document "identities" . -}}
{{- $document = set $document "certificate_transparency" (ternary "required" "ignored" $cosign.keyless.ctLogVerify) -}}
{{- end -}}
{{- if or $log $identities -}}
{{- $document = set $document "trusted_root" "public-good" -}}
{{- end -}}
{{- dict "cosign" $document | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Ratify's scopes in the grammar of the library: registry/* is all of it here too, and no longer registry.evil. */}}
{{- define "ratify.cosignScopes" -}}
{{- $scopes := list -}}
{{- range .Values.cosign.scopes -}}
{{- $scope := ternary . (trimSuffix "/*" .) (eq . "*") -}}
{{- if and (ne $scope "*") (contains "*" (trimPrefix "*." $scope)) -}}
{{- fail (printf "cosign.scopes %q would match names that only begin so: write registry.example, registry.example/team, or registry.example/team/*" .) -}}
{{- end -}}
{{- $scopes = append $scopes $scope -}}
{{- end -}}
{{- toYaml $scopes -}}
{{- end -}}

{{/* Who must have signed what, by the two trust documents. */}}
{{- define "ratify.policies" -}}
{{- $scopes := include "ratify.cosignScopes" .root | fromYamlArray -}}
{{- $all := list "*" -}}
{{- $policies := list -}}
{{- if and .notation .cosign -}}
{{- $both := dict "name" "notation-cosign" "scopes" $scopes "signers" (list "notation" "cosign") "require" .root.Values.policy.require -}}
{{- if not (has "*" $scopes) -}}
{{- $policies = append $policies (dict "name" "notation" "scopes" $all "trust" "notation") -}}
{{- end -}}
{{- $policies = append $policies $both -}}
{{- else if .notation -}}
{{- $policies = append $policies (dict "name" "notation" "scopes" $all "trust" "notation") -}}
{{- else if .cosign -}}
{{- $policies = append $policies (dict "name" "cosign" "scopes" $scopes "trust" "cosign") -}}
{{- end -}}
{{- toYaml $policies -}}
{{- end -}}

{{/* The data of the policy, below data.trust. */}}
{{- define "ratify.data" -}}
{{- $policy := .Values.policy -}}
{{- $notation := include "ratify.notation" . | fromYaml -}}
{{- $cosign := include "ratify.cosign" . | fromYaml -}}
{{- $documents := deepCopy $policy.documents -}}
{{- range $name, $document := dict "notation" $notation "cosign" $cosign -}}
{{- if and $document (hasKey $documents $name) -}}
{{- fail (printf "policy.documents.%s is what the values about %s become: name it otherwise" $name $name) -}}
{{- end -}}
{{- if $document -}}
{{- $documents = set $documents $name $document -}}
{{- end -}}
{{- end -}}
{{- $policies := $policy.policies -}}
{{- if not $policies -}}
{{- $policies = include "ratify.policies" (dict "root" . "notation" $notation "cosign" $cosign) | fromYamlArray -}}
{{- end -}}
{{- dict "policies" $policies "documents" $documents "namespaces" $policy.namespaces "exemptions" $policy.exemptions "sbom" $policy.sbom "vulnerability" $policy.vulnerability | toYaml -}}
{{- end -}}
