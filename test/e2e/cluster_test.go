// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// world is the cluster, which all scenarios share.
type world struct {
	dir     string // state and logs
	tools   tools
	product string // opa-ratify
	home    string // of kubectl and notation

	ca         *servetest.Authority // of the API server and its clients
	caFile     string
	server     string // the API server's URL
	api        *http.Client
	kubeconfig string

	etcd, apiserver, olareg *process
	gatekeeper              *gatekeeper

	registry string                 // olareg's address
	scratch  *registrytest.Registry // where images are made and signed before they are pushed
}

// newWorld starts everything.
func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{dir: dir, tools: buildTools(t), product: absolute(t, servetest.Product, "bin", "opa-ratify"), home: filepath.Join(dir, "home")}
	fatal(t, os.MkdirAll(w.home, 0o700))
	progress("starting etcd, kube-apiserver and the registry")
	w.startRegistry(t)
	w.startAPI(t)
	progress("starting Gatekeeper")
	w.startGatekeeper(t)
	w.applyTemplates(t)
	progress("the cluster is ready: export KUBECONFIG=%s", w.kubeconfig)
	return w
}

func (w *world) startRegistry(t *testing.T) {
	t.Helper()
	w.scratch = registrytest.Start(t, registrytest.Options{})
	w.registry, w.olareg = w.startOlareg(t, "olareg")
}

// startOlareg starts a registry and returns its address.
func (w *world) startOlareg(t *testing.T, name string, args ...string) (string, *process) {
	t.Helper()
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	fatal(t, err)
	p := w.start(t, name, "olareg", nil, append([]string{"serve", "--addr", host, "--port", port, "--store-type", "mem"}, args...)...)
	eventually(t, time.Minute, name+" to listen", func() error {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	})
	return address, p
}

// startAPI starts etcd and an API server with RBAC and service accounts, as a cluster
// has it. There are no controllers: workloads make no pods, deleted namespaces stay.
func (w *world) startAPI(t *testing.T) {
	t.Helper()
	etcd, peer, listen := "http://"+freeAddress(t), "http://"+freeAddress(t), freeAddress(t)
	w.etcd = w.start(t, "etcd", "etcd", nil, "--data-dir", filepath.Join(w.dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)

	cert, key, account := w.clusterCertificates(t)
	host, port, err := net.SplitHostPort(listen)
	fatal(t, err)
	w.server = "https://" + listen
	w.apiserver = w.start(t, "kube-apiserver", "kube-apiserver", nil,
		"--bind-address", host, "--secure-port", port, "--advertise-address", host, "--endpoint-reconciler-type", "none",
		"--etcd-servers", etcd, "--cert-dir", filepath.Join(w.dir, "apiserver"),
		"--tls-cert-file", cert, "--tls-private-key-file", key, "--client-ca-file", w.caFile,
		"--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", account, "--service-account-signing-key-file", account,
		"--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC")
	w.connect(t)
	w.apiserver.answers(t, w.api, w.server+"/readyz")
}

// clusterCertificates makes the CA, the API server's certificate, and the key of
// service accounts.
func (w *world) clusterCertificates(t *testing.T) (cert, key, account string) {
	t.Helper()
	var err error
	w.ca, err = servetest.NewAuthority("e2e cluster")
	fatal(t, err)
	w.caFile = w.write(t, "cluster-ca.crt", w.ca.PEM())
	cert, key = filepath.Join(w.dir, "apiserver.crt"), filepath.Join(w.dir, "apiserver.key")
	fatal(t, w.ca.Issue(cert, key, pkix.Name{CommonName: "kube-apiserver"}, "kubernetes.default.svc"))
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	raw, err := x509.MarshalECPrivateKey(private)
	fatal(t, err)
	return cert, key, w.write(t, "service-account.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}

// connect makes the administrator's kubeconfig and HTTP client.
func (w *world) connect(t *testing.T) {
	t.Helper()
	cert, key := filepath.Join(w.dir, "admin.crt"), filepath.Join(w.dir, "admin.key")
	fatal(t, w.ca.Issue(cert, key, pkix.Name{CommonName: "e2e-admin", Organization: []string{"system:masters"}}))
	w.kubeconfig = w.writeKubeconfig(t, "kubeconfig", map[string]any{"client-certificate": cert, "client-key": key})
	pair, err := tls.LoadX509KeyPair(cert, key)
	fatal(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.PEM())
	w.api = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS13},
		MaxIdleConnsPerHost: 100,
		ForceAttemptHTTP2:   true,
	}}
}

func (w *world) writeKubeconfig(t *testing.T, name string, user map[string]any) string {
	t.Helper()
	raw, err := json.MarshalIndent(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "e2e",
		"clusters": []any{map[string]any{"name": "e2e", "cluster": map[string]any{"server": w.server, "certificate-authority": w.caFile}}},
		"users":    []any{map[string]any{"name": "e2e", "user": user}},
		"contexts": []any{map[string]any{"name": "e2e", "context": map[string]any{"cluster": "e2e", "user": "e2e"}}},
	}, "", "  ")
	fatal(t, err)
	return w.write(t, name, raw)
}

func (w *world) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(w.dir, name)
	fatal(t, os.WriteFile(name, content, 0o600))
	return name
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := servetest.FreeAddress()
	fatal(t, err)
	return address
}
