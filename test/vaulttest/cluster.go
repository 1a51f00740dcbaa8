// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Cluster is as much of a Kubernetes cluster as Vault's auth method of that name asks
// for: it signs service account tokens, and reviews them as an [http.Handler].
//
// Spec: Kubernetes API, authentication.k8s.io/v1, TokenReview.
type Cluster struct {
	key    *ecdsa.PrivateKey
	signer jose.Signer
}

// claims of a service account token.
type claims struct {
	jwt.Claims

	Kubernetes struct {
		Namespace      string `json:"namespace"`
		ServiceAccount struct {
			Name string `json:"name"`
			UID  string `json:"uid"`
		} `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

// NewCluster makes a cluster with a key of its own.
func NewCluster() (*Cluster, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	return &Cluster{key, signer}, err
}

// Token is good for an hour.
func (c *Cluster) Token(namespace, account string) (string, error) {
	now := time.Now()
	var has claims
	has.Subject = "system:serviceaccount:" + namespace + ":" + account
	has.IssuedAt, has.Expiry = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(time.Hour))
	has.Kubernetes.Namespace, has.Kubernetes.ServiceAccount.Name, has.Kubernetes.ServiceAccount.UID = namespace, account, "uid-of-"+account
	return jwt.Signed(c.signer).Claims(has).Serialize()
}

// ServeHTTP implements [http.Handler].
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Spec struct {
			Token string `json:"token"`
		} `json:"spec"`
	}
	if r.URL.Path != "/apis/authentication.k8s.io/v1/tokenreviews" || json.NewDecoder(r.Body).Decode(&review) != nil {
		http.NotFound(w, r)
		return
	}
	status := map[string]any{"authenticated": false}
	if has, err := c.read(review.Spec.Token); err == nil {
		status = map[string]any{"authenticated": true, "user": map[string]string{"username": has.Subject, "uid": has.Kubernetes.ServiceAccount.UID}}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client's to notice
		"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status,
	})
}

func (c *Cluster) read(token string) (has claims, err error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return has, err
	}
	if err := parsed.Claims(c.key.Public(), &has); err != nil {
		return has, err
	}
	return has, has.Validate(jwt.Expected{Time: time.Now()})
}
