// SPDX-License-Identifier: Apache-2.0

package distributiontest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	tokenIssuer  = "distributiontest"
	tokenService = "registry"
)

// TokenServer issues tokens, signed with a certificate that the registry trusts, for what
// an account may do of what is asked for; who names none may do nothing.
//
// Spec: Docker "Token Authentication Specification" (GET) and "OAuth2 Token
// Authentication" (POST, grant type password).
type TokenServer struct {
	// Host is "localhost:41234".
	Host string

	accounts    map[string]Account
	signer      jose.Signer
	certificate []byte // DER

	mu     sync.Mutex
	life   time.Duration
	issued int
}

// access is an entry of a token's claim of that name.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func newTokenServer(accounts map[string]Account) (*TokenServer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tokenIssuer}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(0, 0, 1), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	s := &TokenServer{accounts: accounts, life: defaultLife}
	if s.certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return nil, err
	}
	chain := []string{base64.StdEncoding.EncodeToString(s.certificate)}
	s.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5c", chain))
	return s, err
}

// configure writes the certificate and returns what the registry's configuration says of
// the server.
func (s *TokenServer) configure(dir string) (string, error) {
	path := filepath.Join(dir, "issuer.pem")
	auth := fmt.Sprintf("auth: {token: {realm: %q, service: %q, issuer: %q, rootcertbundle: %q}}\n",
		"http://"+s.Host+"/token", tokenService, tokenIssuer, path)
	return auth, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate}), 0o600)
}

// defaultLife of a token, which is also what every answer claims.
const defaultLife = 5 * time.Minute

// SetLife says when tokens issued from now on expire, whatever the answer claims. The
// registry accepts them for a minute more.
func (s *TokenServer) SetLife(life time.Duration) { s.mu.Lock(); defer s.mu.Unlock(); s.life = life }

// Issued counts the tokens.
func (s *TokenServer) Issued() int { s.mu.Lock(); defer s.mu.Unlock(); return s.issued }

// ServeHTTP answers a token.
func (s *TokenServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := req.ParseForm(); err != nil || req.Form.Get("service") != tokenService {
		http.Error(w, `{"errors": [{"code": "UNSUPPORTED"}]}`, http.StatusBadRequest)
		return
	}
	name, password := who(req)
	account, ok := s.accounts[name]
	if name != "" && !ok || account.Password != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="token server"`)
		http.Error(w, `{"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}`, http.StatusUnauthorized)
		return
	}
	token, err := s.issue(name, granted(account, req.Form["scope"]))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that is gone needs no token
		"token": token, "access_token": token, "expires_in": int(defaultLife.Seconds()), "issued_at": time.Now().UTC().Format(time.RFC3339),
	})
}

func who(req *http.Request) (name, password string) {
	if req.Method == http.MethodPost {
		return req.PostForm.Get("username"), req.PostForm.Get("password")
	}
	name, password, _ = req.BasicAuth()
	return name, password
}

// granted is what of the scopes the account may do.
func granted(account Account, scopes []string) []access {
	all := []access{}
	for scope := range strings.FieldsSeq(strings.Join(scopes, " ")) {
		parts := strings.Split(scope, ":")
		if len(parts) != 3 || parts[0] != "repository" {
			continue
		}
		may := slices.Concat(account.Access["*"], account.Access[parts[1]])
		actions := slices.DeleteFunc(strings.Split(parts[2], ","), func(action string) bool { return !slices.Contains(may, action) })
		all = append(all, access{Type: parts[0], Name: parts[1], Actions: actions})
	}
	return all
}

func (s *TokenServer) issue(name string, may []access) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	now := time.Now()
	return jwt.Signed(s.signer).Claims(jwt.Claims{
		Issuer: tokenIssuer, Subject: name, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-defaultLife)), Expiry: jwt.NewNumericDate(now.Add(s.life)),
	}).Claims(map[string]any{"access": may, "aud": tokenService}).Serialize()
}
