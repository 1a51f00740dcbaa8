// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// Three pods of one release, with the same resources, answer alike behind one address,
// and go on when one of them is killed.
func replicasTest(t *testing.T, w *world) {
	ca, signer := authority(t, "replicas")
	signed := w.publish(t, "replicas/signed", notation(signer, signtest.SignOptions{}))
	unsigned := w.publish(t, "replicas/unsigned")
	pods := []string{freeAddress(t), freeAddress(t), freeAddress(t)}
	front := newFront(t, pods)
	r, _ := w.install(t, "replicas", front.address, "--set-file", "notationCerts[0]="+w.write(t, "replicas.crt", ca.PEM()), "--set", "replicaCount=3,gatekeeper.constraints.kinds={RatifyVerification}")
	defer w.uninstall(t)
	for _, address := range pods {
		r.startPod(t, address)
	}
	r.ready(t)
	r.decides(t, signed, unsigned)
	for range pods {
		front.moveOn()
		r.decides(t, signed, unsigned)
	}
	for i, address := range pods {
		if front.taken(address) == 0 {
			t.Errorf("pod %d was not asked", i)
		}
	}

	r.running[0].kill()
	for range pods {
		front.moveOn()
		r.decides(t, signed, unsigned)
	}
	w.kubectl(t, "delete", "verifier", "verifier-notation")
	for range pods {
		front.moveOn()
		r.untilRefused(t, signed.tag, "[ratify-constraint]")
	}
}

// front hands each connection to the next pod that takes it, as a Service does.
type front struct {
	address string
	pods    []string

	mu   sync.Mutex
	next int
	took map[string]int // by pod
	open []net.Conn
}

func newFront(t *testing.T, pods []string) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	f := &front{address: l.Addr().String(), pods: pods, took: map[string]int{}}
	t.Cleanup(func() {
		_ = l.Close()
		f.moveOn()
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			if pod := f.connect(client); pod != nil {
				go relay(client, pod)
				go relay(pod, client)
			}
		}
	}()
	return f
}

// connect finds a pod for a client.
func (f *front) connect(client net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range f.pods {
		address := f.pods[f.next%len(f.pods)]
		f.next++
		if pod, err := net.Dial("tcp", address); err == nil {
			f.took[address]++
			f.open = append(f.open, client, pod)
			return pod
		}
	}
	_ = client.Close() // no pod is there
	return nil
}

// relay ends both connections when one ends.
func relay(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// moveOn ends the connections that are kept, so that others are asked.
func (f *front) moveOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.Close() // it may have ended
	}
	f.open = nil
}

// taken is how many connections a pod took.
func (f *front) taken(pod string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.took[pod]
}
