// SPDX-License-Identifier: Apache-2.0

// Package kubetest is as much of the Kubernetes API as reading single objects and
// watching custom resources takes, and the files and variables by which a pod
// finds it.
package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// API is a server of objects.
type API struct {
	// Dir is what a pod has mounted of its service account.
	Dir string

	server *httptest.Server
	token  string

	mu      sync.Mutex
	objects map[string]any
	status  map[string]int
	asked   []string

	resources collection
}

// Start serves until the test ends. The pod's service account is namespace/account.
func Start(tb testing.TB, namespace, account string) *API {
	tb.Helper()
	claims, err := json.Marshal(map[string]string{"sub": "system:serviceaccount:" + namespace + ":" + account})
	if err != nil {
		tb.Fatal(err)
	}
	a := &API{Dir: tb.TempDir(), objects: map[string]any{}, status: map[string]int{}, token: "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".sig"}
	a.resources.changed = make(chan struct{})
	a.server = httptest.NewUnstartedServer(a)
	a.server.EnableHTTP2 = true // watches outnumber the connections of a client
	a.server.StartTLS()
	tb.Cleanup(func() {
		a.server.CloseClientConnections() // watches would be waited for
		a.server.Close()
	})
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
	for name, content := range map[string]string{"token": a.token + "\n", "namespace": namespace, "ca.crt": string(ca)} {
		if err := os.WriteFile(filepath.Join(a.Dir, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return a
}

// Env is the environment of a pod.
func (a *API) Env(name string) string {
	u, err := url.Parse(a.server.URL)
	if err != nil {
		return ""
	}
	host, port, _ := net.SplitHostPort(u.Host)
	return map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}[name]
}

// Secret puts a Secret; data nil removes it.
func (a *API) Secret(namespace, name, kind string, data map[string]string) {
	encoded := map[string][]byte{}
	for key, value := range data {
		encoded[key] = []byte(value)
	}
	a.put(namespace, "secrets", name, data == nil, map[string]any{"kind": "Secret", "type": kind, "data": encoded})
}

// ConfigMap puts a ConfigMap; data nil removes it.
func (a *API) ConfigMap(namespace, name string, data map[string]string) {
	a.put(namespace, "configmaps", name, data == nil, map[string]any{"kind": "ConfigMap", "data": data})
}

// ServiceAccount puts a service account with image pull Secrets.
func (a *API) ServiceAccount(namespace, name string, secrets ...string) {
	list := make([]map[string]string, len(secrets))
	for i, s := range secrets {
		list[i] = map[string]string{"name": s}
	}
	a.put(namespace, "serviceaccounts", name, false, map[string]any{"kind": "ServiceAccount", "imagePullSecrets": list})
}

// Refuse answers requests for an object ("secrets/team/pull", "" for all) with a
// status; 0 does no more.
func (a *API) Refuse(object string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status[object] = status
}

// Asked returns how many requests came.
func (a *API) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func (a *API) put(namespace, kind, name string, remove bool, object any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := "/api/v1/namespaces/" + namespace + "/" + kind + "/" + name
	if a.objects[path] = object; remove {
		delete(a.objects, path)
	}
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.custom(w, r) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.URL.Path)
	object, found := a.objects[r.URL.Path]
	status := max(a.status[""], a.status[r.URL.Path])
	switch {
	case r.Header.Get("Authorization") != "Bearer "+a.token:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case status == http.StatusForbidden:
		refuse(w, status, "Forbidden", "cannot get resource in API group \"\"")
	case status != 0:
		refuse(w, status, "", "")
	case !found:
		refuse(w, http.StatusNotFound, "NotFound", r.URL.Path+" not found")
	default:
		_ = json.NewEncoder(w).Encode(object) // the client's to notice
	}
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message}) // the client's to notice
}
