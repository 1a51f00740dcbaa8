// SPDX-License-Identifier: Apache-2.0

//go:build interop

package replicas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/redistest"
)

// With Redis the registry is asked once for what has a digest; with a key, once for
// everything.
func TestInteropReplicasThatShareAskOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	password, key := filepath.Join(dir, "password"), filepath.Join(dir, "key")
	fatal(t, os.WriteFile(password, []byte("geheim"), 0o600))
	fatal(t, os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o600))
	for _, tt := range []struct {
		name, key    string
		shared, more int // entries in Redis; requests of each replica after the first
	}{
		{"contents", "", contents, facts},
		{"contents and facts", ", hmac_key_file: " + key, cold, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			certs := redistest.Certificates(t)
			redis := redistest.Start(t, redistest.Options{Password: "geheim", TLS: certs})
			w := newWorld(t, fmt.Sprintf("url: 'rediss://%s', ca_file: %s, cert_file: %s, key_file: %s, password_file: %s, timeout: 1s%s",
				redis.Address, certs.CA, certs.ClientCert, certs.ClientKey, password, tt.key))
			w.want(t, w.address.url, oursTrusted)
			await(t, "all is shared", func() bool { return len(redis.Keys(t, "*")) == tt.shared })
			for range 3 * replicaCount {
				w.want(t, w.address.url, oursTrusted)
			}
			if n, want := len(w.registry.Requests()), cold+(replicaCount-1)*tt.more; n != want || !w.address.everyone(3) {
				t.Errorf("%d requests to the registry, want %d; connections %v", n, want, w.address.connections())
			}
			w.follow(t)
			redis.Hang(t)
			w.lose(t)
			redis.Kill()
			w.want(t, w.address.url, theirsTrusted)
		})
	}
}
