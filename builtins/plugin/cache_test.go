// SPDX-License-Identifier: Apache-2.0

package plugin_test

import (
	"net"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// A shared cache that does not answer is seen, and makes nobody less ready.
func TestASharedCacheThatIsDownIsSeen(t *testing.T) { //nolint:paralleltest // the service in use belongs to the process
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	m := manager(t, plugins.WithPrometheusRegister(registry))
	p := create(t, m, `{"cache": {"redis": {"url": "redis://`+address+`"}}}`)
	t.Cleanup(func() { service.Use(nil) })
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(t.Context()) })
	wantStatus(t, m, plugins.StateOK, "plugins.ratify.cache.redis: "+address+": no connection: ")
	wantStatus(t, m, plugins.StateOK, "registries are asked instead until it answers")
	const up = "# HELP ratify_cache_up Whether a cache that is a server answers, 1 or 0.\n# TYPE ratify_cache_up gauge\nratify_cache_up{cache=\"redis\"} 0\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(up), "ratify_cache_up"); err != nil {
		t.Error(err)
	}
}
