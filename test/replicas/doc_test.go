// SPDX-License-Identifier: Apache-2.0

// Package replicas_test runs three real servers behind one address, as a Service of
// Kubernetes has them: they get their policy from one bundle server and ask one
// registry, and share nothing, or a Redis that nobody trusts. Whoever answers, the
// answer is the same.
//
//	client ──▶ address ─┬─▶ opa-ratify ─┐      ┌─▶ bundle server
//	                    ├─▶ opa-ratify ─┼──────┼─▶ registry
//	                    └─▶ opa-ratify ─┘      └─▶ Redis, perhaps
package replicas_test

import (
	"os"
	"testing"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// binary is the freshly built opa-ratify.
var binary string

func TestMain(m *testing.M) {
	os.Exit(servetest.Main(m, func(built string) error {
		binary = built
		return nil
	}))
}
