// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/test/kubetest"
)

// startCluster is the command `cluster FILE`: it starts an API server and writes
// FILE, a kubeconfig for it.
func startCluster(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cluster FILE")
	}
	api := kubetest.Start(scriptCloud(ts).tb, "ratify", "ratify")
	scriptCloud(ts).cluster = api
	raw, err := os.ReadFile(api.Kubeconfig(scriptCloud(ts).tb))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// applyResource is the command `apply FILE`, or `! apply FILE` to delete: a custom
// resource in FILE, with variables expanded, as kubectl does.
func applyResource(ts *testscript.TestScript, neg bool, args []string) {
	api := scriptCloud(ts).cluster
	if len(args) != 1 || api == nil {
		ts.Fatalf("usage: apply FILE, after cluster")
	}
	var o struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
		Spec     map[string]any
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "$REGISTRY", ts.Getenv("REGISTRY"))
	ts.Check(yaml.Unmarshal([]byte(text), &o))
	if neg {
		api.Apply(o.Kind, o.Metadata.Namespace, o.Metadata.Name, nil)
		return
	}
	api.Apply(o.Kind, o.Metadata.Namespace, o.Metadata.Name, o.Spec)
}

// resourceStatus is the command `status REGEXP KIND NAME`: it prints the status of a
// resource of the cluster once it matches.
func resourceStatus(ts *testscript.TestScript, neg bool, args []string) {
	api := scriptCloud(ts).cluster
	if neg || len(args) != 3 || api == nil {
		ts.Fatalf("usage: status REGEXP KIND NAME, after cluster")
	}
	wanted, err := regexp.Compile(args[0])
	ts.Check(err)
	tick, patience := time.NewTicker(20*time.Millisecond), time.NewTimer(30*time.Second)
	defer tick.Stop()
	defer patience.Stop()
	for {
		raw, err := json.Marshal(api.Status(args[1], "", args[2]))
		ts.Check(err)
		if wanted.Match(raw) {
			_, err := ts.Stdout().Write(append(raw, '\n'))
			ts.Check(err)
			return
		}
		select {
		case <-patience.C:
			ts.Fatalf("the status stays %s", raw)
		case <-tick.C:
		}
	}
}
