// SPDX-License-Identifier: Apache-2.0

package cloudtest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opa-ratify/opa-ratify/test/cloudtest"
)

func TestProxyServesKnownHostsOnly(t *testing.T) {
	t.Parallel()
	p := cloudtest.Start(t, map[string]http.Handler{
		"sts.example":  say("sts"),
		"*.vault.test": say("vault"),
		"100.100.1.1":  say("metadata"),
	})
	transport := &http.Transport{Proxy: p.Choose, TLSClientConfig: &tls.Config{RootCAs: p.Roots(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var got []string
	for _, target := range []string{
		"https://sts.example/a", "https://a.vault.test/b", "http://100.100.1.1/c",
		"https://sts.example.evil.test/d", "https://a.b.vault.test/e", "http://evil.test/f",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			got = append(got, "no connection")
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got = append(got, fmt.Sprint(resp.StatusCode, " ", string(body)))
	}
	want := []string{"200 sts", "200 vault", "200 metadata", "no connection", "no connection", "502 no such host\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	arrived := []cloudtest.Request{
		{Host: "sts.example", Method: "GET", Path: "/a"},
		{Host: "a.vault.test", Method: "GET", Path: "/b"},
		{Host: "100.100.1.1", Method: "GET", Path: "/c"},
		{Host: "sts.example.evil.test", Method: "CONNECT", Refused: true},
		{Host: "a.b.vault.test", Method: "CONNECT", Refused: true},
		{Host: "evil.test", Method: "GET", Path: "/f", Refused: true},
	}
	if diff := cmp.Diff(arrived, p.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}
