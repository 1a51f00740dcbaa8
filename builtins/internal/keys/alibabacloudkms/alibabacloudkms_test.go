// SPDX-License-Identifier: Apache-2.0

package alibabacloudkms_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/alibabacloud"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys/alibabacloudkms"
	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

type world struct {
	cloud *cloudtest.Alibaba
	proxy *cloudtest.Proxy
	o     alibabacloudkms.Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cloud: cloudtest.NewAlibaba(t)}
	w.proxy = cloudtest.Start(t, w.cloud.Hosts())
	transport := outbound.NewTransport(outbound.Options{Proxy: w.proxy.Choose, RootCAs: w.proxy.Roots()})
	t.Cleanup(transport.CloseIdleConnections)
	client, err := alibabacloud.New(alibabacloud.Options{Transport: transport, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := client.Sessions(alibabacloud.Identity{Env: func(name string) string {
		return map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": cloudtest.AlibabaKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloudtest.AlibabaKeySecret}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.o = alibabacloudkms.Options{Client: client, Sessions: sessions, Region: "cn-hangzhou", Keys: []alibabacloudkms.Item{{ID: "key-1", Name: "release"}}}
	return w
}

// seen is a key as a test compares it.
type seen struct {
	Name, Version, PEM, Err string
	Latest                  bool
}

func fetch(t *testing.T, o alibabacloudkms.Options) ([]seen, error) {
	t.Helper()
	snapshot, err := alibabacloudkms.New(o).Fetch(t.Context())
	var got []seen
	for _, k := range snapshot.Keys {
		s := seen{Name: k.Name, Version: k.Version, PEM: string(k.PEM), Latest: k.Latest}
		if k.Err != nil {
			s.Err = k.Err.Error()
		}
		got = append(got, s)
	}
	return got, err
}

func TestFetch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := w.cloud.AddKey(t, "key-1", "RSA_2048")
	release.Rotate(t)
	release.Rotate(t)
	pinned := w.cloud.AddKey(t, "alias/pinned", "EC_P256")
	pinned.Rotate(t)
	w.cloud.Secrets["root"] = cloudtest.AlibabaSecret{Data: "ROOT", Version: "v1"}
	w.cloud.Certificates["cert-1"] = cloudtest.AlibabaCertificate{Certificate: "LEAF", Chain: "CA"}
	w.o.VPC = true
	w.o.Keys = append(w.o.Keys, alibabacloudkms.Item{ID: "alias/pinned", Versions: []string{"alias/pinned-v1"}})
	w.o.Secrets = []alibabacloudkms.Item{{ID: "root"}}
	w.o.Certificates = []alibabacloudkms.Item{{ID: "cert-1", Name: "corp"}}
	got, err := fetch(t, w.o)
	want := []seen{
		{Name: "release", Version: "key-1-v3", PEM: release.Versions[2].PEM(), Latest: true},
		{Name: "release", Version: "key-1-v2", PEM: release.Versions[1].PEM()},
		{Name: "release", Version: "key-1-v1", PEM: release.Versions[0].PEM()},
		{Name: "alias/pinned", Version: "alias/pinned-v1", PEM: pinned.Versions[0].PEM()},
		{Name: "root", Version: "v1", PEM: "ROOT", Latest: true},
		{Name: "corp", PEM: "LEAF\nCA\n", Latest: true},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if w.proxy.Count("kms-vpc.cn-hangzhou.aliyuncs.com") == 0 || w.proxy.Count("kms.cn-hangzhou.aliyuncs.com") != 0 {
		t.Errorf("asked: %v", w.proxy.Requests())
	}
}

// What cannot be used is named with its reason and takes nothing else away.
func TestFetchOfKeysThatDoNotCount(t *testing.T) {
	t.Parallel()
	const id = " (request id 2CE6D1A2-0000-4000-8000-FAKEFAKEFAKE)"
	for _, tt := range []struct {
		name   string
		change func(*world, *cloudtest.AlibabaKey)
		want   string // why there is no key; "": it is not named, so that the last good one stays
		says   string // the error of the fetch
	}{
		{"disabled", func(w *world, _ *cloudtest.AlibabaKey) { w.cloud.SetState("key-1", "Disabled") }, "DescribeKey key-1: Disabled the key is not enabled", ""},
		{"pending deletion", func(w *world, _ *cloudtest.AlibabaKey) { w.cloud.SetState("key-1", "PendingDeletion") }, "DescribeKey key-1: PendingDeletion the key is not enabled", ""},
		{"for encryption", func(_ *world, k *cloudtest.AlibabaKey) { k.Usage = "ENCRYPT/DECRYPT" }, `DescribeKey key-1: its usage is "ENCRYPT/DECRYPT"; only keys made for SIGN/VERIFY have signatures`, ""},
		{"unknown", func(w *world, _ *cloudtest.AlibabaKey) { w.o.Keys[0].ID = "key-9" }, "DescribeKey key-9: Forbidden.KeyNotFound The specified Key is not found." + id, "Forbidden.KeyNotFound"},
		{"unknown version", func(w *world, _ *cloudtest.AlibabaKey) { w.o.Keys[0].Versions = []string{"v9"} }, "GetPublicKey key-1 version v9: Forbidden.KeyVersionNotFound The specified key version is not found." + id, "Forbidden.KeyVersionNotFound"},
		{"disabled between two requests", func(w *world, _ *cloudtest.AlibabaKey) {
			w.cloud.Fault("GetPublicKey", cloudtest.Refuse(409, "Rejected.Disabled", "disabled"))
		}, "GetPublicKey key-1 version key-1-v1: Rejected.Disabled disabled" + id, "Rejected.Disabled"},
		{"not permitted", func(w *world, _ *cloudtest.AlibabaKey) {
			w.cloud.Fault("DescribeKey", cloudtest.Refuse(403, "Forbidden.NoPermission", "no"))
		}, "", "DescribeKey key-1: Forbidden.NoPermission no" + id},
		{"down", func(w *world, _ *cloudtest.AlibabaKey) {
			w.cloud.Fault("ListKeyVersions", cloudtest.Refuse(503, "ServiceUnavailable", "busy"))
		}, "", "ListKeyVersions key-1: ServiceUnavailable busy" + id},
		{"unexpected types", func(w *world, _ *cloudtest.AlibabaKey) {
			w.cloud.Fault("DescribeKey", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"Code":1}`))
			})
		}, "", "DescribeKey key-1: 500 the answer is an error object that is not documented"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.change(w, w.cloud.AddKey(t, "key-1", "EC_P256"))
			w.cloud.Secrets["root"] = cloudtest.AlibabaSecret{Data: "ROOT", Version: "v1"}
			w.o.Secrets = []alibabacloudkms.Item{{ID: "root"}}
			got, err := fetch(t, w.o)
			if (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error: %v", err)
			}
			var reasons []string
			for _, k := range got {
				if k.Name == "release" {
					reasons = append(reasons, k.Err)
				}
			}
			if strings.Join(reasons, "|") != tt.want {
				t.Errorf("got %q, want %q", reasons, tt.want)
			}
			if last := got[len(got)-1]; last.Name != "root" || last.PEM != "ROOT" {
				t.Errorf("the secret went with the key: %+v", got)
			}
		})
	}
}

// A secret that is gone is named; one that cannot be asked for is not.
func TestFetchOfSecretsAndCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Keys = nil
	w.o.Secrets = []alibabacloudkms.Item{{ID: "gone"}, {ID: "old", Versions: []string{"v0"}}}
	w.o.Certificates = []alibabacloudkms.Item{{ID: "gone"}}
	w.cloud.Secrets["old"] = cloudtest.AlibabaSecret{Data: "x", Version: "v1"}
	got, err := fetch(t, w.o)
	if err == nil || len(got) != 3 {
		t.Fatalf("%v: %+v", err, got)
	}
	for _, k := range got {
		if k.PEM != "" || !strings.Contains(k.Err, "Forbidden.ResourceNotFound") {
			t.Errorf("got %+v", k)
		}
	}
}

// An answer without a certificate takes the last good one from nobody.
func TestFetchOfAnEmptyChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Keys, w.o.Certificates = nil, []alibabacloudkms.Item{{ID: "c"}}
	w.cloud.Certificates["c"] = cloudtest.AlibabaCertificate{Chain: "CHAIN\n"}
	got, err := fetch(t, w.o)
	if len(got) != 0 || err == nil || !strings.Contains(err.Error(), "GetCertificate c: the answer holds no certificate (request id 2CE6D1A2") {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestFetchWithoutSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sessions, err := w.o.Client.Sessions(alibabacloud.Identity{Kind: alibabacloud.RRSA, RoleARN: "r", OIDCProviderARN: "p", TokenFile: "/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	w.o.Sessions = sessions
	for range 2 { // the second time it is not asked again
		_, err = alibabacloudkms.New(w.o).Fetch(t.Context())
		var e *keys.Error
		if !errors.As(err, &e) || !e.Retryable || !strings.Contains(err.Error(), "read service account token") {
			t.Errorf("got %v", err)
		}
	}
}
