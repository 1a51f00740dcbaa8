// SPDX-License-Identifier: Apache-2.0

package registrytest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/registrytest"
)

func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	reg := registrytest.Start(t, registrytest.Options{})
	release := make(chan struct{})
	reg.Inject(registrytest.Fault{Times: 1, Action: registrytest.Hold(release)})
	transport := &http.Transport{}
	done := make(chan error, 1)
	go func() {
		resp, err := (&http.Client{Transport: transport}).Get(reg.URL() + "/v2/")
		if err == nil {
			err = resp.Body.Close()
		}
		done <- err
	}()
	awaitConnections(t, reg, 1, 1)
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	awaitConnections(t, reg, 1, 0)
	transport.CloseIdleConnections()
	awaitConnections(t, reg, 0, 0)
}

func awaitConnections(t *testing.T, reg *registrytest.Registry, wantOpen, wantActive int) {
	t.Helper()
	timeout, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		open, active := reg.Connections()
		if open == wantOpen && active == wantActive {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%d open connections, %d active; want %d and %d", open, active, wantOpen, wantActive)
		}
	}
}
