// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// run runs a program as a person would, and returns all that it prints.
func (w *world) run(ctx context.Context, input []byte, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdin = w.home, bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "HOME="+w.home, "XDG_CONFIG_HOME="+filepath.Join(w.home, ".config"), "KUBECONFIG="+w.kubeconfig, "KUBECACHEDIR="+filepath.Join(w.dir, "kubectl-cache"))
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// kubectl must succeed; what it prints is returned.
func (w *world) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := w.run(t.Context(), nil, w.tools.path("kubectl"), args...)
	if err != nil {
		t.Fatalf("kubectl %q: %v\n%s", args, err, output)
	}
	return output
}

// create is `kubectl create -f -`, which may be refused.
func (w *world) create(t *testing.T, o object, flags ...string) (string, error) {
	t.Helper()
	raw, err := json.Marshal(o)
	fatal(t, err)
	return w.run(t.Context(), raw, w.tools.path("kubectl"), append([]string{"create", "-f", "-"}, flags...)...)
}

// apply is `kubectl apply -f -`, which must succeed.
func (w *world) apply(t *testing.T, objects ...object) {
	t.Helper()
	raw, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": objects})
	fatal(t, err)
	output, err := w.run(t.Context(), raw, w.tools.path("kubectl"), "apply", "--server-side", "--force-conflicts", "-f", "-")
	if err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, output)
	}
}

// remove deletes cluster-wide objects without waiting for those who watch them.
func (w *world) remove(ctx context.Context, objects ...object) error {
	raw, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		return err
	}
	output, err := w.run(ctx, raw, w.tools.path("kubectl"), "delete", "--wait=false", "--ignore-not-found", "-f", "-")
	if err != nil {
		return fmt.Errorf("kubectl delete: %w\n%s", err, output)
	}
	return nil
}

// answer is what the API server says to one request.
type answer struct {
	code    int
	warning string
	body    object
}

// message is why the request was refused.
func (a answer) message() string {
	message, _ := a.body["message"].(string)
	return message
}

// images are those of the containers of the pod that was made.
func (a answer) images() []string {
	spec, _ := a.body["spec"].(object)
	containers, _ := spec["containers"].([]any)
	var images []string
	for _, c := range containers {
		images = append(images, c.(object)["image"].(string))
	}
	return images
}

// post makes an object without kubectl, for what is asked often.
func (w *world) post(ctx context.Context, path string, o object) (answer, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server+path, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	return w.do(request)
}

func (w *world) do(request *http.Request) (answer, error) {
	response, err := w.api.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}, err
	}
	a := answer{code: response.StatusCode, warning: response.Header.Get("Warning")}
	return a, json.Unmarshal(raw, &a.body)
}
