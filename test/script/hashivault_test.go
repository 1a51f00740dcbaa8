// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/vaulttest"
)

// hashivaultKey finds a script's Vault among its values.
type hashivaultKey struct{}

// hashivault is what `hashivault start` started.
type hashivault struct{ *vaulttest.Server }

// hashivaultCommand is the command
//
//	hashivault start              a real Vault; $VAULT_ADDR, $VAULT_TOKEN, $VAULT_CACERT lead to it
//	hashivault seal|unseal|stop   what it is after that
//	hashivault kubernetes FILE    let it know a cluster; FILE is the token of team's service account ratify
//	hashivault read|delete|write [-field=NAME] PATH [KEY=VALUE…]
//	                              what the vault command line does
func hashivaultCommand(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := ts.Value(hashivaultKey{}).(*hashivault)
	if !ok || neg || len(args) == 0 || (v.Server == nil) != (args[0] == "start") {
		ts.Fatalf("usage: hashivault start, then hashivault stop|seal|unseal|read|write|delete …")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch verb, rest := args[0], args[1:]; verb {
	case "start":
		v.start(ts)
	case "stop":
		v.Stop()
	case "seal":
		ts.Check(v.Seal(ctx))
	case "unseal":
		ts.Check(v.Unseal(ctx))
	case "kubernetes":
		v.kubernetes(ctx, ts, strings.Join(rest, " "))
	default:
		answer, err := v.call(ctx, ts, verb, rest)
		ts.Check(err)
		_, err = ts.Stdout().Write(answer)
		ts.Check(err)
	}
}

// start gives the script what the clients of Vault read.
func (v *hashivault) start(ts *testscript.TestScript) {
	server, err := vaulttest.Start()
	ts.Check(err)
	v.Server = server
	ts.Defer(server.Stop)
	ts.Check(os.WriteFile(ts.MkAbs("vault-ca.pem"), server.CA, 0o600))
	ts.Setenv("VAULT_ADDR", server.Address)
	ts.Setenv("VAULT_TOKEN", server.RootToken)
	ts.Setenv("VAULT_CACERT", ts.MkAbs("vault-ca.pem"))
}

// kubernetes mounts the auth method of that name.
func (v *hashivault) kubernetes(ctx context.Context, ts *testscript.TestScript, file string) {
	cluster, err := vaulttest.NewCluster()
	ts.Check(err)
	api := httptest.NewTLSServer(cluster)
	ts.Defer(api.Close)
	token, err := cluster.Token("team", "ratify")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(token), 0o600))
	_, err = v.Call(ctx, http.MethodPost, "sys/auth/kubernetes", map[string]string{"type": "kubernetes"})
	ts.Check(err)
	_, err = v.Call(ctx, http.MethodPost, "auth/kubernetes/config", map[string]any{
		"kubernetes_host": api.URL, "disable_local_ca_jwt": true,
		"kubernetes_ca_cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})),
	})
	ts.Check(err)
}

func (v *hashivault) call(ctx context.Context, ts *testscript.TestScript, verb string, args []string) ([]byte, error) {
	methods := map[string]string{"read": http.MethodGet, "write": http.MethodPut, "delete": http.MethodDelete}
	var field string
	if len(args) > 0 && strings.HasPrefix(args[0], "-field=") {
		field, args = strings.TrimPrefix(args[0], "-field="), args[1:]
	}
	if methods[verb] == "" || len(args) == 0 {
		return nil, fmt.Errorf("hashivault %s %q: no such command", verb, args)
	}
	answer, err := v.Call(ctx, methods[verb], args[0], fields(ts, args[1:]))
	if err != nil || field == "" {
		return answer, err
	}
	return pick(answer, field)
}

// fields reads KEY=VALUE and KEY=@FILE; a value that is JSON is that.
func fields(ts *testscript.TestScript, args []string) map[string]any {
	if len(args) == 0 {
		return nil
	}
	body := map[string]any{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch file, isFile := strings.CutPrefix(value, "@"); {
		case isFile:
			body[key] = ts.ReadFile(file)
		case json.Valid([]byte(value)):
			body[key] = json.RawMessage(value)
		default:
			body[key] = value
		}
	}
	return body
}

// pick returns one field of an answer about a secret, or about a login.
func pick(answer []byte, field string) ([]byte, error) {
	var has struct{ Data, Auth map[string]any }
	if err := json.Unmarshal(answer, &has); err != nil {
		return nil, err
	}
	for _, of := range []map[string]any{has.Data, has.Auth} {
		if value, ok := of[field]; ok {
			return fmt.Append(nil, value), nil
		}
	}
	return nil, fmt.Errorf("the answer has no %s: %s", field, answer)
}
