// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"strings"
)

// A key provider of one key may be written as Sigstore's tools write the key, "uri:
// azurekms://VAULT/KEY". It is read here, strictly, and nowhere else: a trust
// document names keys of providers (threat: a reference from a policy that makes this
// process ask an address of somebody's choice, or run sigstore-kms-SCHEME).
//
// Spec: sigstore v1.9, pkg/signature/kms; alibabacloudkms is ours.

// keyURI is how one scheme is written.
type keyURI struct {
	scheme   string
	provider KeyProviderType
	form     string
	pattern  *regexp.Regexp
}

func keyURIs() []keyURI {
	return []keyURI{
		{"alibabacloudkms", KeysAlibaba, "alibabacloudkms://REGION/KEY[/VERSION]", regexp.MustCompile(`^alibabacloudkms://([a-z]{2,}(?:-[a-z0-9]+)+)/(key-[A-Za-z0-9]{1,64}|[0-9a-f-]{36}|alias/[A-Za-z0-9_-]{1,255})(?:/([A-Za-z0-9-]{1,64}))?$`)},
		{"awskms", KeysAWS, "awskms:///KEY, with a key's ID, its ARN or alias/NAME", regexp.MustCompile(`^awskms:///(arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,250}|[0-9a-f-]{36}|mrk-[0-9a-f]{32}|alias/[A-Za-z0-9/_-]{1,250})$`)},
		{"azurekms", KeysAzure, "azurekms://VAULT/KEY[/VERSION], with the vault's host", regexp.MustCompile(`^azurekms://([a-z0-9-]+(?:\.[a-z0-9-]+)+)/([A-Za-z0-9-]{1,127})(?:/([A-Za-z0-9]{1,64}))?$`)},
		{"gcpkms", KeysGoogle, "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K; the version is the trust document's to name", regexp.MustCompile(`^gcpkms://(projects/[a-z0-9.:-]{1,70}/locations/[a-z0-9-]{1,40}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63})$`)},
		{"hashivault", KeysVault, "hashivault://KEY", regexp.MustCompile(`^hashivault://([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?)$`)},
	}
}

// keyProviderName is the type that a URI's scheme stands for; other text is itself.
func keyProviderName(text string) string {
	scheme, _, is := strings.Cut(text, "://")
	for _, u := range keyURIs() {
		if is && u.scheme == scheme {
			return string(u.provider)
		}
	}
	return text
}

// named keeps the URI that the type was written as.
func (p *KeyProvider) named(text string) {
	if keyProviderName(text) != text {
		p.URI = text
	}
}

// readURI fills the settings that the URI says.
func (p *KeyProvider) readURI(d *decoder, path string) {
	if p.URI == "" {
		return
	}
	var m []string
	for _, u := range keyURIs() {
		if u.provider != p.Type {
			continue
		}
		if m = u.pattern.FindStringSubmatch(p.URI); m == nil {
			d.report(path+".uri", "%s: write %s", quote(p.URI), u.form)
			return
		}
	}
	if !p.take(m) {
		d.report(path+".uri", "is set beside keys, or beside what it says itself; write one of them")
	}
}

// take takes the parts of the URI. It reports false if there is something in their
// place.
func (p *KeyProvider) take(m []string) bool {
	switch p.Type {
	case KeysAlibaba:
		k := &p.Alibaba
		free := k.Region == "" && len(k.Keys)+len(k.Secrets)+len(k.Certificates) == 0
		k.Region, k.Keys = m[1], []AlibabaItem{{ID: m[2], Version: m[3]}}
		return free
	case KeysAWS:
		k := &p.AWS
		free := len(k.Keys) == 0 && (k.Region == "" || m[2] == "" || m[2] == k.Region)
		k.Keys = []CloudKey{{ID: m[1]}}
		if m[2] != "" {
			k.Region = m[2]
		}
		return free
	case KeysAzure:
		k := &p.Azure
		free := k.VaultURI == "" && len(k.Keys)+len(k.Certificates) == 0
		k.VaultURI, k.Keys = "https://"+m[1], []AzureObject{{Name: m[2], Version: m[3]}}
		return free
	case KeysGoogle:
		free := len(p.Google.Keys) == 0
		p.Google.Keys = []CloudKey{{ID: m[1]}}
		return free
	default:
		free := len(p.Vault.Keys) == 0
		p.Vault.Keys = []string{m[1]}
		return free
	}
}
