// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// pod is a pod with these images, by the path of its containers.
func pod(name string, images ...string) object {
	return object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": podSpec(images...)}
}

func podSpec(images ...string) object {
	var containers []any
	for i, image := range images {
		containers = append(containers, object{"name": fmt.Sprintf("c%d", i), "image": image})
	}
	return object{"containers": containers}
}

func (st *stage) podName() string { return fmt.Sprintf("pod-%d", st.pods.Add(1)) }

// try asks what would happen to a pod: `--dry-run=server`, without kubectl.
func (st *stage) try(ctx context.Context, o object) (answer, error) {
	return st.post(ctx, "/api/v1/namespaces/"+st.ns+"/pods?dryRun=All", o)
}

// until asks about a pod again and again, until the answer is right.
func (st *stage) until(t *testing.T, what, image string, right func(answer) bool) {
	t.Helper()
	eventually(t, time.Minute, what, func() error {
		a, err := st.try(t.Context(), pod("probe", image))
		if err != nil {
			return err
		}
		if !right(a) {
			return fmt.Errorf("%d %s %v", a.code, a.message(), a.images())
		}
		return nil
	})
}

// untilRefused waits until an image is refused for a reason.
func (st *stage) untilRefused(t *testing.T, image, reason string) {
	t.Helper()
	st.until(t, "Gatekeeper to refuse "+image+", saying "+reason, image, func(a answer) bool {
		return a.code == http.StatusForbidden && strings.Contains(a.message(), reason)
	})
}

// untilAdmitted waits until an image is admitted, with wanted in its place.
func (st *stage) untilAdmitted(t *testing.T, image, wanted string) {
	t.Helper()
	st.until(t, "Gatekeeper to admit "+image+" as "+wanted, image, func(a answer) bool {
		return a.code == http.StatusCreated && slices.Equal(a.images(), []string{wanted})
	})
}

// runPod is `kubectl run`, as in every walkthrough.
func (st *stage) runPod(t *testing.T, image string, flags ...string) (string, error) {
	t.Helper()
	return st.run(t.Context(), nil, st.tools.path("kubectl"), append([]string{"run", st.podName(), "-n", st.ns, "--image", image}, flags...)...)
}

// admits runs a pod, and compares the image that is stored.
func (st *stage) admits(t *testing.T, image, wanted string) {
	t.Helper()
	output, err := st.runPod(t, image, "-o", "jsonpath={.spec.containers[0].image}")
	if err != nil || output != wanted {
		t.Errorf("kubectl run --image %s: %v\n%s\nwanted it to be admitted as %s", image, err, output, wanted)
	}
}

// refuses runs a pod, which Gatekeeper must deny with these words.
func (st *stage) refuses(t *testing.T, image string, reasons ...string) {
	t.Helper()
	output, err := st.runPod(t, image)
	denied(t, output, err, reasons...)
}

// refusesObject creates an object, which Gatekeeper must deny with these words.
func (st *stage) refusesObject(t *testing.T, o object, reasons ...string) {
	t.Helper()
	output, err := st.create(t, o, "-n", st.ns)
	denied(t, output, err, reasons...)
}

// admitsObject creates an object, and returns the value at a JSONPath.
func (st *stage) admitsObject(t *testing.T, o object, path string) string {
	t.Helper()
	output, err := st.create(t, o, "-n", st.ns, "-o", "jsonpath="+path)
	if err != nil {
		t.Errorf("kubectl create %s: %v\n%s", o["kind"], err, output)
	}
	return output
}

// denied says whether a denial is Gatekeeper's, and says why.
func denied(t *testing.T, output string, err error, reasons ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("admitted: %s", output)
		return
	}
	for _, reason := range append([]string{`admission webhook "`, ".gatekeeper.sh\" denied the request: "}, reasons...) {
		if !strings.Contains(output, reason) {
			t.Errorf("kubectl: %v\n%s\ndoes not say %s", err, output, reason)
		}
	}
}
