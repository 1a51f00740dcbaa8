// SPDX-License-Identifier: Apache-2.0

package azuretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Vault is a key vault of a tenant. It may be changed while it serves.
type Vault struct {
	azure    *Azure
	host     string
	resource string

	mu      sync.Mutex
	objects map[string][]*Version // by "secrets/NAME", oldest first
}

// Version is a version of a secret or a key.
type Version struct {
	Version     string
	ContentType string        // of a secret
	Value       string        // of a secret
	Key         any           // of a key: *rsa.PublicKey, *ecdsa.PublicKey, or a JSON web key
	Private     crypto.Signer // of a key that signs; Key may be left out then
	Disabled    bool
	Created     time.Time
	NotBefore   time.Time
	Expires     time.Time
	HSM         bool
}

// NewVault returns an empty vault at host, "NAME.vault.azure.net".
func (a *Azure) NewVault(host string) *Vault {
	_, domain, _ := strings.Cut(host, ".")
	return &Vault{azure: a, host: host, resource: "https://" + domain, objects: map[string][]*Version{}}
}

// PutSecret adds a version of a secret, which a certificate's chain is.
func (v *Vault) PutSecret(name string, version Version) { v.put("secrets/"+name, version) }

// PutKey adds a version of a key.
func (v *Vault) PutKey(name string, version Version) {
	if version.Key == nil {
		version.Key = version.Private.Public()
	}
	v.put("keys/"+name, version)
}

func (v *Vault) put(path string, version Version) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.objects[path] = append(v.objects[path], &version)
}

// Disable disables a version of "secrets/NAME" or "keys/NAME".
func (v *Vault) Disable(path, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.objects[path] {
		if o.Version == version {
			o.Disabled = true
		}
	}
}

// Delete deletes "secrets/NAME" or "keys/NAME".
func (v *Vault) Delete(path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.objects, path)
}

// ServeHTTP answers as the service does.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Ms-Request-Id", "request-2")
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case !bearer || !v.azure.allowed(token, v.resource):
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="https://login.microsoftonline.com/%s", resource="%s"`, v.azure.Tenant, v.resource))
		failed(w, http.StatusUnauthorized, "Unauthorized", "AKV10032: Invalid issuer.", "")
	case r.Method == http.MethodPost && len(parts) == 4 && parts[0] == "keys" && parts[3] == "sign":
		v.sign(w, r, parts[1], parts[2])
	case r.Method != http.MethodGet || r.URL.Query().Get("api-version") == "" || len(parts) < 2:
		failed(w, http.StatusBadRequest, "BadParameter", "The request URI contains an invalid name", "")
	case len(parts) == 3 && parts[2] == "versions":
		v.list(w, r, parts[0], parts[1])
	default:
		version := ""
		if len(parts) > 2 {
			version = parts[2]
		}
		v.one(w, parts[0], parts[1], version)
	}
}

func (v *Vault) one(w http.ResponseWriter, kind, name, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.objects[kind+"/"+name]
	i := slices.IndexFunc(all, func(o *Version) bool { return o.Version == version })
	if version == "" {
		i = len(all) - 1
	}
	what := map[string]string{"secrets": "Secret", "keys": "Key"}[kind]
	switch {
	case i < 0:
		failed(w, http.StatusNotFound, what+"NotFound", "A "+what+" with (name/id) "+name+" was not found in this key vault.", "")
	case kind == "secrets" && all[i].Disabled:
		failed(w, http.StatusForbidden, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
	case kind == "secrets":
		answer(w, http.StatusOK, map[string]any{"id": v.id(kind, name, all[i]), "value": all[i].Value, "contentType": all[i].ContentType, "attributes": all[i].attributes()})
	default: // a disabled key can be read
		jwk := all[i].jwk()
		jwk["kid"] = v.id(kind, name, all[i])
		answer(w, http.StatusOK, map[string]any{"key": jwk, "attributes": all[i].attributes()})
	}
}

// pageSize is small, so that there are pages.
const pageSize = 2

func (v *Vault) list(w http.ResponseWriter, r *http.Request, kind, name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.objects[kind+"/"+name]
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	to := min(from+pageSize, len(all))
	idField := map[string]string{"secrets": "id", "keys": "kid"}[kind]
	page := map[string]any{"nextLink": nil}
	value := []map[string]any{}
	for _, o := range all[min(from, to):to] {
		value = append(value, map[string]any{idField: v.id(kind, name, o), "attributes": o.attributes()})
	}
	page["value"] = value
	if to < len(all) {
		page["nextLink"] = fmt.Sprintf("https://%s/%s/%s/versions?api-version=7.4&$skiptoken=%d", v.host, kind, name, to)
	}
	answer(w, http.StatusOK, page)
}

func (v *Vault) id(kind, name string, o *Version) string {
	return "https://" + v.host + "/" + kind + "/" + name + "/" + o.Version
}

func (o *Version) attributes() map[string]any {
	a := map[string]any{"enabled": !o.Disabled, "created": o.Created.Unix(), "updated": o.Created.Unix(), "recoveryLevel": "Recoverable"}
	if !o.NotBefore.IsZero() {
		a["nbf"] = o.NotBefore.Unix()
	}
	if !o.Expires.IsZero() {
		a["exp"] = o.Expires.Unix()
	}
	return a
}

func (o *Version) jwk() map[string]any {
	number := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	kind := ""
	if o.HSM {
		kind = "-HSM"
	}
	switch k := o.Key.(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA" + kind, "n": number(k.N.Bytes()), "e": number(big.NewInt(int64(k.E)).Bytes()), "key_ops": []string{"sign", "verify"}}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err) // of a key that a test made
		}
		half := len(point) / 2
		return map[string]any{"kty": "EC" + kind, "crv": k.Curve.Params().Name, "x": number(point[1 : 1+half]), "y": number(point[1+half:]), "key_ops": []string{"sign", "verify"}}
	case map[string]any:
		return k
	}
	panic(fmt.Sprintf("no key: %T", o.Key))
}

// failed answers with an error of the service.
func failed(w http.ResponseWriter, status int, code, message, inner string) {
	e := map[string]any{"code": code, "message": message}
	if inner != "" {
		e["innererror"] = map[string]any{"code": inner}
	}
	answer(w, status, map[string]any{"error": e})
}
