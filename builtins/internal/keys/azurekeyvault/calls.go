// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
)

const apiVersion = "7.4"

// step names what is done with an object.
func (o object) step() string {
	if o.kind == secrets {
		return fmt.Sprintf("get certificate %q", o.name)
	}
	return fmt.Sprintf("get key %q", o.name)
}

// certificate returns the chain of a version of a certificate.
func (s *Source) certificate(ctx context.Context, token string, o object, version string) (attributes, []byte, error) {
	var answer struct {
		ID          string     `json:"id"`
		Value       string     `json:"value"`
		ContentType string     `json:"contentType"`
		Attributes  attributes `json:"attributes"`
	}
	if err := s.get(ctx, token, o.step(), s.address(o, version), &answer); err != nil {
		return attributes{}, nil, err
	}
	found, err := s.identified(o, answer.ID, version, answer.Attributes)
	if err != nil {
		return found, nil, err
	}
	chain, err := parseChain(answer.ContentType, answer.Value)
	if err != nil {
		return found, nil, &keys.Error{Step: o.step(), Code: codeContent, Message: err.Error()}
	}
	return found, chain, nil
}

// publicKey returns a version of a key.
func (s *Source) publicKey(ctx context.Context, token string, o object, version string) (attributes, []byte, error) {
	var answer struct {
		Key        jsonWebKey `json:"key"`
		Attributes attributes `json:"attributes"`
	}
	if err := s.get(ctx, token, o.step(), s.address(o, version), &answer); err != nil {
		return attributes{}, nil, err
	}
	found, err := s.identified(o, answer.Key.ID, version, answer.Attributes)
	if err != nil {
		return found, nil, err
	}
	public, err := answer.Key.pem()
	if err != nil {
		return found, nil, &keys.Error{Step: o.step(), Code: codeContent, Message: err.Error()}
	}
	return found, public, nil
}

// identified takes the version from an answer's identifier, and refuses what is
// not what was asked for.
func (s *Source) identified(o object, identifier, version string, a attributes) (attributes, error) {
	name, found, err := parseIdentifier(s.vault, identifier)
	if err != nil || !strings.EqualFold(name, o.name) || version != "" && !strings.EqualFold(found, version) {
		return attributes{}, &keys.Error{Step: o.step(), Message: "the vault answers with another object than was asked for"}
	}
	a.version = found
	if version != "" {
		a.version = version
	}
	return a, nil
}

// The bounds of a list of versions.
const (
	maxPages    = 40 // of 25 versions
	maxVersions = 250
)

// list returns what versions an object has.
func (s *Source) list(ctx context.Context, token string, o object) ([]attributes, error) {
	step := fmt.Sprintf("list versions of %q", o.name)
	var all []attributes
	next := s.address(o, "versions")
	for range maxPages {
		var page struct {
			Value []struct {
				ID         string     `json:"id"`
				KeyID      string     `json:"kid"`
				Attributes attributes `json:"attributes"`
			} `json:"value"`
			NextLink string `json:"nextLink"`
		}
		if err := s.get(ctx, token, step, next, &page); err != nil {
			return nil, err
		}
		for _, v := range page.Value {
			found, err := s.identified(o, v.ID+v.KeyID, "", v.Attributes)
			if err != nil {
				return nil, err
			}
			all = append(all, found)
		}
		switch {
		case len(all) > maxVersions:
			return nil, &keys.Error{Step: step, Message: fmt.Sprintf("it has more than %d versions; name those that are wanted", maxVersions)}
		case page.NextLink == "":
			return all, nil
		case !strings.HasPrefix(page.NextLink, "https://"+s.vault.host+"/"):
			return nil, &keys.Error{Step: step, Message: "the next page is at another address, which is not asked: nothing secret goes there"}
		}
		next = page.NextLink
	}
	return nil, &keys.Error{Step: step, Message: fmt.Sprintf("the list has more than %d pages", maxPages)}
}

func (s *Source) address(o object, version string) string {
	u := url.URL{Scheme: "https", Host: s.vault.host, Path: "/" + string(o.kind) + "/" + o.name + "/" + version, RawQuery: "api-version=" + apiVersion}
	return u.String()
}

func (s *Source) get(ctx context.Context, token, step, address string, into any) error {
	req, err := cloud.Get(ctx, address)
	if err != nil {
		return &keys.Error{Step: step, Message: "the object makes no URL"}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	err = s.client.JSON(step, req, s.explain, into)
	if e, ok := err.(*cloud.Error); ok && e.Code == "401" || ok && e.Code == "Unauthorized" { //nolint:errorlint // JSON returns no other
		s.identity.Refused(s.vault.resource, s.vault.cloud, token)
	}
	return err
}

// explain reads a refusal of the vault. The inner code is the one that tells.
func (s *Source) explain(h http.Header, body []byte) cloud.Refusal {
	r := cloud.Refusal{RequestID: h.Get("X-Ms-Request-Id")}
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return r
	}
	r.Code, r.Message = said.Error.Code, said.Error.Message
	if said.Error.Inner.Code != "" {
		r.Code = said.Error.Inner.Code
	}
	if r.Advice = advice(r.Code, s.identity.Tenant()); r.Advice != "" {
		r.Message = ""
	}
	return r
}

func advice(code, tenant string) string {
	switch code {
	case "SecretDisabled", "KeyDisabled", "CertificateDisabled":
		return "this version is disabled in the vault"
	case "SecretNotFound", "KeyNotFound", "CertificateNotFound":
		return "there is none of that name and version in the vault"
	case "ForbiddenByRbac", "AccessDenied":
		return "the identity may not read it; it needs the role Key Vault Secrets User for certificates, Key Vault Crypto User for keys"
	case "ForbiddenByFirewall", "ForbiddenByConnection":
		return "the vault's firewall does not admit this address"
	case "Unauthorized", "AKV10032":
		return fmt.Sprintf("the vault does not accept a token of tenant %q; is it of another tenant?", tenant)
	}
	return ""
}
