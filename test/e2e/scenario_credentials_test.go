// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/opa-ratify/opa-ratify/test/signtest"
)

// The registry asks for a password, which is in a Secret of the cluster: opa-ratify
// reads it as its service account, which may read that Secret and itself, nothing else.
func secretsTest(t *testing.T, w *world) {
	ca, signer := authority(t, "secrets")
	registry, _ := w.startOlareg(t, "olareg-auth", "--auth-basic", w.registryUsers(t))
	subject, err := w.scratch.PushImage(t.Context(), "secrets/signed", "v1")
	fatal(t, err)
	signed := w.push(t, registry, "secrets/signed", subject, notation(signer, signtest.SignOptions{}))
	host, port, err := net.SplitHostPort(strings.TrimPrefix(w.server, "https://"))
	fatal(t, err)
	st := w.prepare(t, script{
		name: "secrets", data: trusting(ca.TrustDocument()),
		env: []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port},
		config: object{"credentials": []any{object{
			"match": registry, "provider": "kubernetes_secrets", "secrets": []any{object{"name": "ratify-dockerconfig"}}, "refresh_interval": "10s",
		}}},
	})
	st.options.Binary = st.asPod(t)
	st.serve(t)
	st.connect(t)

	st.refuses(t, signed.tag, "credential provider kubernetes_secrets")
	w.kubectl(t, "create", "secret", "docker-registry", "ratify-dockerconfig", "-n", st.ns,
		"--docker-server", registry, "--docker-username", robot, "--docker-password", password)
	st.refuses(t, signed.tag, "credential provider kubernetes_secrets")
	w.apply(t, object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": object{"name": "pull", "namespace": st.ns},
		"rules": []any{
			object{"apiGroups": []string{""}, "resources": []string{"secrets"}, "resourceNames": []string{"ratify-dockerconfig"}, "verbs": []string{"get"}},
			object{"apiGroups": []string{""}, "resources": []string{"serviceaccounts"}, "resourceNames": []string{"opa-ratify"}, "verbs": []string{"get"}},
		},
	})
	w.kubectl(t, "create", "rolebinding", "pull", "-n", st.ns, "--role", "pull", "--serviceaccount", st.ns+":opa-ratify")
	st.untilAdmitted(t, signed.tag, signed.tag)
	st.admits(t, signed.tag, signed.tag)
}

// registryUsers is a file of olareg's: the robot may do everything, nobody else anything.
func (w *world) registryUsers(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	fatal(t, err)
	raw, err := json.Marshal(object{
		"users": object{robot: object{"cred": string(hash)}},
		"acls":  []any{object{"repo": "*", "access": []string{"*"}, "members": []string{robot}}},
	})
	fatal(t, err)
	return w.write(t, "olareg-users.yaml", raw)
}

// asPod writes a program that runs opa-ratify where the files of a service account are
// mounted: in a mount namespace of its own.
func (st *stage) asPod(t *testing.T) string {
	t.Helper()
	st.kubectl(t, "create", "serviceaccount", "opa-ratify", "-n", st.ns)
	account := filepath.Join(st.dir, "serviceaccount")
	fatal(t, os.MkdirAll(account, 0o700))
	for name, content := range map[string]string{
		"token":     st.kubectl(t, "create", "token", "opa-ratify", "-n", st.ns, "--duration", "1h"),
		"ca.crt":    string(st.ca.PEM()),
		"namespace": st.ns,
	} {
		fatal(t, os.WriteFile(filepath.Join(account, name), []byte(content), 0o600))
	}
	wrapper := filepath.Join(st.dir, "pod.sh")
	fatal(t, os.WriteFile(wrapper, fmt.Appendf(nil, `#!/bin/sh
exec unshare --map-root-user --mount sh -c '
	mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io &&
	ln -s %q /run/secrets/kubernetes.io/serviceaccount &&
	exec setpriv --pdeathsig KILL %q "$@"' opa-ratify "$@"
`, account, st.product), 0o700))
	return wrapper
}
