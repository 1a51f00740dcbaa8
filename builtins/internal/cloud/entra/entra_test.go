// SPDX-License-Identifier: Apache-2.0

package entra_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/azuretest"
)

const resource = "https://vault.azure.net"

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func get(t *testing.T, o entra.Options) (string, error) {
	t.Helper()
	identity, err := entra.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return identity.Token(t.Context(), resource, entra.Public)
}

func TestManagedIdentityIsTheMachines(t *testing.T) {
	t.Parallel()
	azure := azuretest.New(time.Now)
	machine := httptest.NewServer(azure.Machine())
	defer machine.Close()
	for _, tt := range []struct{ name, client, want string }{
		{"the only identity", "", ""},
		{"chosen", azure.ClientID, ""},
		{"not assigned", "99999999-0000-0000-0000-000000000000", "get Microsoft Entra token: invalid_request Identity not found"},
	} {
		token, err := get(t, entra.Options{Method: entra.ManagedIdentity, ClientID: tt.client, Env: env(map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": machine.URL})})
		if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want || (token != "") != (err == nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestMetadataServiceIsOnThisMachineOrNowhere(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://10.0.0.1", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1/path", "http://u@127.0.0.1", "http://localhost.evil.example"} {
		_, err := entra.New(entra.Options{Method: entra.ManagedIdentity, Env: env(map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": address})})
		if err == nil || !strings.Contains(err.Error(), "metadata service") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// binding is the environment of a pod with an identity binding.
func binding(t *testing.T, azure *azuretest.Azure, server *httptest.Server) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return map[string]string{
		"AZURE_TENANT_ID": azure.Tenant, "AZURE_CLIENT_ID": azure.ClientID,
		"AZURE_FEDERATED_TOKEN_FILE":   write("token", []byte(azure.Assertion(azure.Subject, azuretest.AssertionAudience, time.Now().Add(time.Hour)))),
		"AZURE_KUBERNETES_TOKEN_PROXY": server.URL + "/proxy", "AZURE_KUBERNETES_SNI_NAME": "example.com",
		"AZURE_KUBERNETES_CA_FILE": write("ca", ca),
	}
}

// tokenProxy takes what is for the authority under /proxy, for one server name.
func tokenProxy(t *testing.T, azure *azuretest.Azure) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.ServerName != "example.com" || r.Host != string(entra.Public) {
			http.Error(w, "wrong name", http.StatusMisdirectedRequest)
			return
		}
		http.StripPrefix("/proxy", azure.Authority()).ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestIdentityBindingGoesThroughTheTokenProxy(t *testing.T) {
	t.Parallel()
	azure := azuretest.New(time.Now)
	values := binding(t, azure, tokenProxy(t, azure))
	if token, err := get(t, entra.Options{Env: env(values)}); err != nil || token == "" || azure.Tokens() != 1 {
		t.Errorf("%v, %d tokens", err, azure.Tokens())
	}
}

func TestIdentityBindingTrustsItsOwnAuthorityOnly(t *testing.T) {
	t.Parallel()
	azure := azuretest.New(time.Now)
	for _, tt := range []struct{ name, variable, value, want string }{
		{"another server's name", "AZURE_KUBERNETES_SNI_NAME", "other.example", "certificate"},
		{"no CA file", "AZURE_KUBERNETES_CA_FILE", "/none", "read CA of token proxy"},
		{"system's authorities", "AZURE_KUBERNETES_CA_FILE", "", "certificate"},
	} {
		values := binding(t, azure, tokenProxy(t, azure))
		values[tt.variable] = tt.value
		if _, err := get(t, entra.Options{Env: env(values)}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if azure.Tokens() != 0 {
		t.Errorf("%d tokens", azure.Tokens())
	}
}

func TestWrongEnvironmentOfAnIdentityBinding(t *testing.T) {
	t.Parallel()
	azure := azuretest.New(time.Now)
	for variable, value := range map[string]string{"AZURE_KUBERNETES_TOKEN_PROXY": "http://10.0.0.1", "AZURE_KUBERNETES_CA_DATA": "both"} {
		values := binding(t, azure, tokenProxy(t, azure))
		values[variable] = value
		if _, err := entra.New(entra.Options{Method: entra.IdentityBinding, Env: env(values)}); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}

func TestMethodIsNeverGuessedToBeTheMachines(t *testing.T) {
	t.Parallel()
	if _, err := entra.New(entra.Options{}); err == nil || !strings.Contains(err.Error(), "managed_identity") {
		t.Errorf("got %v", err)
	}
	if _, err := entra.New(entra.Options{Method: "msi", TenantID: "t", ClientID: "c", TokenFile: "f"}); err == nil || !strings.Contains(err.Error(), `"msi"`) {
		t.Errorf("got %v", err)
	}
}
