// SPDX-License-Identifier: Apache-2.0

package azuretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
)

// sign answers the operation "sign" of one version of a key: PKCS #1 v1.5 for RS…, r‖s
// for ES….
func (v *Vault) sign(w http.ResponseWriter, r *http.Request, name, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.objects["keys/"+name]
	i := slices.IndexFunc(all, func(o *Version) bool { return o.Version == version })
	if i < 0 || all[i].Private == nil {
		failed(w, http.StatusNotFound, "KeyNotFound", "A key with (name/id) "+name+"/"+version+" was not found in this key vault.", "")
		return
	}
	if all[i].Disabled {
		failed(w, http.StatusForbidden, "Forbidden", "Operation sign is not allowed on a disabled key.", "KeyDisabled")
		return
	}
	var asked struct{ Alg, Value string }
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<10)).Decode(&asked)
	digest, badValue := base64.RawURLEncoding.DecodeString(asked.Value)
	if err != nil || badValue != nil {
		failed(w, http.StatusBadRequest, "BadParameter", "The request body is not valid.", "")
		return
	}
	signature, ok := signed(all[i].Private, asked.Alg, digest)
	if !ok {
		failed(w, http.StatusBadRequest, "BadParameter", "Property alg or value is not valid for the key.", "")
		return
	}
	answer(w, http.StatusOK, map[string]any{"kid": v.id("keys", name, all[i]), "value": base64.RawURLEncoding.EncodeToString(signature)})
}

func signed(key crypto.Signer, algorithm string, digest []byte) ([]byte, bool) {
	hashes := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}
	hash, known := hashes[algorithm[max(0, len(algorithm)-3):]]
	if !known || len(digest) != hash.Size() {
		return nil, false
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(rand.Reader, k, hash, digest)
		return signature, err == nil && strings.HasPrefix(algorithm, "RS")
	case *ecdsa.PrivateKey:
		size := (k.Params().BitSize + 7) / 8
		der, err := ecdsa.SignASN1(rand.Reader, k, digest)
		var pair struct{ R, S *big.Int }
		if err == nil {
			_, err = asn1.Unmarshal(der, &pair)
		}
		if err != nil {
			return nil, false
		}
		return slices.Concat(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))), strings.HasPrefix(algorithm, "ES")
	}
	return nil, false
}
