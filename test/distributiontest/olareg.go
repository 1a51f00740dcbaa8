// SPDX-License-Identifier: Apache-2.0

package distributiontest

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"
)

// Olareg is the name of the registry that [StartOlareg] looks for on PATH.
const Olareg = "olareg"

// StartOlareg runs [Olareg], which has the Referrers API, in memory and for everybody.
// The caller stops it.
func StartOlareg() (*Registry, error) {
	path, err := exec.LookPath(Olareg)
	if err != nil {
		return nil, fmt.Errorf("%w; run `make interop-registry`", err)
	}
	port, err := freePort() // it does not say which one it took
	if err != nil {
		return nil, err
	}
	r := &Registry{Host: net.JoinHostPort("localhost", port)}
	r.process = exec.Command(path, "serve", "--addr", "127.0.0.1", "--port", port, "--store-type", "mem")
	if err := r.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", Olareg, err)
	}
	if err := answers(net.JoinHostPort("127.0.0.1", port)); err != nil {
		r.Stop()
		return nil, fmt.Errorf("start %s: %w", Olareg, err)
	}
	return r, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return "", errors.New("no TCP address")
	}
	return strconv.Itoa(address.Port), nil
}

// answers waits until somebody listens.
func answers(address string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Since(began) > startTimeout {
			return err
		}
	}
}
