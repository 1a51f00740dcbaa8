// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// variables are those that the walkthroughs have their readers set.
func variables(name string) string {
	return map[string]string{
		"IDENTITY_CLIENT_ID": "11111111-2222-3333-4444-555555555555", "CLIENT_ID": "11111111-2222-3333-4444-555555555555",
		"TENANT_ID": "99999999-8888-7777-6666-555555555555", "AKV_NAME": "e2e-does-not-exist", "ACR_NAME1": "acme1", "ACR_NAME2": "acme2",
		"CERT_NAME": "wabbit-networks-io", "CERT_KEY_ID": "https://e2e-does-not-exist.vault.azure.net/keys/wabbit-networks-io/0a4c2b1de5f04e6c9d21a7a1b4c3d2e1",
		"KEY_NAME": "ratify-demo", "KEY_VER": "5e9f7d3ab2c14d08b6a4f3e2d1c0b9a8", "KEY_VER_NEW": "6e9f7d3ab2c14d08b6a4f3e2d1c0b9a8",
		"SUBJECT_DN": "C=US, ST=WA, L=Redmond, O=Company A, OU=Org A, CN=wabbit-networks.io",
	}[name]
}

// Every resource that the walkthroughs print is taken by `kubectl apply` as they print it,
// over those that the chart made. There is no cloud here, and the status says what of it
// is missing. Of the two versions that one of them has in one entry kubectl sends the last.
func walkthroughResourcesTest(t *testing.T, w *world) {
	address := freeAddress(t)
	r, _ := w.install(t, "walkthroughs", address)
	defer w.uninstall(t)
	defer w.kubectl(t, "delete", "stores,verifiers,keymanagementproviders", "--all")
	r.startPod(t, address)
	r.ready(t)
	archive, err := txtar.ParseFile("testdata/walkthroughs.txtar")
	fatal(t, err)
	for _, file := range archive.Files {
		said, _, _ := strings.Cut(strings.TrimPrefix(string(file.Data), "# "), "\n")
		what, words, _ := strings.Cut(said, ":")
		output, err := w.run(t.Context(), []byte(os.Expand(string(file.Data), variables)), w.tools.path("kubectl"), "apply", "-f", "-")
		if err != nil {
			t.Errorf("%s: %v\n%s", file.Name, err, output)
			continue
		}
		fields := strings.Fields(what)
		eventually(t, time.Minute, "kubectl to say of "+file.Name+" that "+said, func() error {
			o := w.read(t, fields[0], fields[1])
			status, _ := o["status"].(object)
			if fmt.Sprint(status["issuccess"]) != fields[2] || !strings.Contains(fmt.Sprint(status["error"]), strings.TrimSpace(words)) {
				return fmt.Errorf("it says %v", status)
			}
			return nil
		})
	}
}
