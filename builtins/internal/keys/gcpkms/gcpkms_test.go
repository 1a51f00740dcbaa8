// SPDX-License-Identifier: Apache-2.0

package gcpkms_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/google"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/gcpkms"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/googletest"
	"github.com/opa-ratify/opa-ratify/test/cloudtest/hosts"
)

const (
	service = "cloudkms.googleapis.com"
	release = "projects/acme-prod/locations/europe-west1/keyRings/signing/cryptoKeys/release"
)

type told struct {
	Name, Version, PEM, Err string
	Latest                  bool
}

func fetch(t *testing.T, project *googletest.Google, handler http.Handler, wanted ...gcpkms.Key) ([]told, error) {
	t.Helper()
	machine := httptest.NewServer(project.Machine())
	defer machine.Close()
	source, err := gcpkms.New(gcpkms.Options{Keys: wanted, Identity: google.Options{
		Env:       func(string) string { return strings.TrimPrefix(machine.URL, "http://") },
		Transport: hosts.New(t, map[string]http.Handler{service: handler}).Transport(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := source.Fetch(t.Context())
	var list []told
	for _, k := range snapshot.Keys {
		item := told{Name: k.Name, Version: k.Version, PEM: string(k.PEM), Latest: k.Latest}
		if k.Err != nil {
			item.Err = k.Err.Error()
		}
		list = append(list, item)
	}
	return list, err
}

// put adds a version and returns its PEM.
func put(t *testing.T, project *googletest.Google) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	project.PutVersion(release, googletest.Version{Public: &k.PublicKey})
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestVersionsOfAKey(t *testing.T) {
	t.Parallel()
	project := googletest.New(time.Now)
	first, _, third, _ := put(t, project), put(t, project), put(t, project), put(t, project)
	project.Disable(release, 2)
	project.Disable(release, 4)
	got, err := fetch(t, project, project.KMS(), gcpkms.Key{ID: release})
	if err != nil {
		t.Error(err)
	}
	want := []told{
		{Name: "release", Version: "1", PEM: first},
		{Name: "release", Version: "2", Err: `get version 2 of "release": DISABLED this version is not enabled`},
		{Name: "release", Version: "3", PEM: third, Latest: true},
		{Name: "release", Version: "4", Err: `get version 4 of "release": DISABLED this version is not enabled`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeyThatIsGoneIsFinal(t *testing.T) {
	t.Parallel()
	project := googletest.New(time.Now)
	got, err := fetch(t, project, project.KMS(), gcpkms.Key{Name: "prod", ID: release})
	if err != nil || len(got) != 1 || !strings.HasPrefix(got[0].Err, `list versions of "prod": NOT_FOUND `) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestContentThatIsNoKey(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"hunter2": "not a public key in PEM",
		"-----BEGIN PUBLIC KEY-----\naHVudGVyMg==\n-----END PUBLIC KEY-----\n":   "cannot verify signatures here",
		"-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n": "not a public key in PEM",
	} {
		project := googletest.New(time.Now)
		project.PutVersion(release, googletest.Version{PEM: content})
		got, err := fetch(t, project, project.KMS(), gcpkms.Key{ID: release})
		if err != nil || len(got) != 1 || got[0].PEM != "" || !strings.Contains(got[0].Err, want) || strings.Contains(got[0].Err, "hunter2") {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestFailuresAreNotFinal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path, body, want string
		status, keys           int
	}{
		{"no role", "cryptoKeyVersions", `{"error":{"status":"PERMISSION_DENIED","message":"denied"}}`, "PERMISSION_DENIED denied", 403, 0},
		{"down", "cryptoKeyVersions", "hunter2", "503", 503, 0},
		{"throttled", "publicKey", `{"error":{"status":"RESOURCE_EXHAUSTED"}}`, "RESOURCE_EXHAUSTED", 429, 1},
		{"wrong checksum", "publicKey", `{"name":"` + release + `/cryptoKeyVersions/1","pem":"x","pemCrc32c":"1"}`, "checksum", 200, 1},
		{"another key", "publicKey", `{"name":"` + release + `/cryptoKeyVersions/2"}`, "another key", 200, 1},
		{"unexpected types", "cryptoKeyVersions", `{"error":{"status":404,"message":["hunter2"]}}`, "400 bad request", 400, 0},
	} {
		project := googletest.New(time.Now)
		put(t, project)
		service := project.KMS()
		got, err := fetch(t, project, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, tt.path) {
				service.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}), gcpkms.Key{ID: release})
		if len(got) != tt.keys || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestSettingsThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	for want, list := range map[string][]gcpkms.Key{
		"no keys":                    nil,
		"is not the name of a key":   {{ID: "gcpkms://" + release}},
		`"release" is there already`: {{ID: release}, {ID: release}},
		`"projects/acme/../x"`:       {{ID: "projects/acme/../x"}},
	} {
		if _, err := gcpkms.New(gcpkms.Options{Keys: list}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: lacks %q", err, want)
		}
	}
}
