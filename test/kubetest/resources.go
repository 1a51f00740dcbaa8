// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Custom resources are listed, watched, and their status patched, as Ratify's are:
// one version, no pages.

const group = "/apis/config.ratify.deislabs.io/v1beta1/"

// collection is all custom resources, and what happened to them.
type collection struct {
	version int
	objects map[string]map[string]any // by path of the object
	history []event
	changed chan struct{} // closed at each change
	down    bool
	patches int
	events  []map[string]any
}

type event struct {
	version int
	path    string
	Type    string         `json:"type"`
	Object  map[string]any `json:"object"`
}

// Kubeconfig writes a file that says how to reach the server.
func (a *API) Kubeconfig(tb testing.TB) string {
	tb.Helper()
	ca, err := json.Marshal(filepath.Join(a.Dir, "ca.crt"))
	if err != nil {
		tb.Fatal(err)
	}
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: test, contexts: [{name: test, context: {cluster: test, user: test}}],
clusters: [{name: test, cluster: {server: %q, certificate-authority: %s}}], users: [{name: test, user: {token: %q}}]}`, a.server.URL, ca, a.token)
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Apply puts a custom resource of a kind, whose resource is its name in lower case
// and with an s; spec nil removes it.
func (a *API) Apply(kind, namespace, name string, spec any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := objectPath(kind, namespace, name)
	before, there := a.resources.objects[path]
	if spec == nil {
		if there {
			a.resources.change("DELETED", path, before)
		}
		return
	}
	metadata := map[string]any{"name": name, "namespace": namespace, "uid": fmt.Sprintf("uid-%d", a.resources.version+1)}
	o := map[string]any{"apiVersion": "config.ratify.deislabs.io/v1beta1", "kind": kind, "spec": spec, "metadata": metadata}
	what := "ADDED"
	if there {
		o["status"], what = before["status"], "MODIFIED"
		metadata["uid"], _, _ = unstructured.NestedString(before, "metadata", "uid")
	}
	a.resources.change(what, path, o)
}

// Status returns the status of a custom resource, nil if it has none.
func (a *API) Status(kind, namespace, name string) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, _ := a.resources.objects[objectPath(kind, namespace, name)]["status"].(map[string]any)
	return maps.Clone(s)
}

// Patches returns how many statuses were written.
func (a *API) Patches() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.resources.patches
}

// Events returns the messages of events that were made.
func (a *API) Events() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var messages []string
	for _, e := range a.resources.events {
		messages = append(messages, fmt.Sprint(e["message"]))
	}
	return messages
}

// Down makes requests for custom resources fail, and ends watches, until it is
// called with false.
func (a *API) Down(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources.down = down
	a.resources.wake()
}

func objectPath(kind, namespace, name string) string {
	resource := strings.ToLower(kind) + "s"
	if strings.HasSuffix(kind, "Policy") {
		resource = strings.ToLower(strings.TrimSuffix(kind, "y")) + "ies"
	}
	if namespace == "" {
		return group + resource + "/" + name
	}
	return group + "namespaces/" + namespace + "/" + resource + "/" + name
}

// change is called with the lock held.
func (c *collection) change(what, path string, o map[string]any) {
	c.version++
	o = clone(o)
	if err := unstructured.SetNestedField(o, strconv.Itoa(c.version), "metadata", "resourceVersion"); err != nil {
		panic(err) // it was made here
	}
	if c.objects == nil {
		c.objects = map[string]map[string]any{}
	}
	if c.objects[path] = o; what == "DELETED" {
		delete(c.objects, path)
	}
	c.history = append(c.history, event{c.version, path, what, o})
	c.wake()
}

func (c *collection) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func clone(o map[string]any) map[string]any {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err) // of JSON values
	}
	var copied map[string]any
	if err := json.Unmarshal(raw, &copied); err != nil {
		panic(err)
	}
	return copied
}

// custom answers requests for custom resources and events.
func (a *API) custom(w http.ResponseWriter, r *http.Request) bool {
	ours := strings.HasPrefix(r.URL.Path, group)
	isEvent := strings.HasSuffix(r.URL.Path, "/events") && r.Method == http.MethodPost
	if !ours && !isEvent {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	a.mu.Lock()
	down := a.resources.down
	a.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+a.token:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
	case down:
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the server is down")
	case isEvent:
		a.event(w, r)
	case r.Method == http.MethodPatch:
		a.patch(w, r)
	case r.URL.Query().Get("watch") != "":
		a.watch(w, r)
	default:
		a.list(w, r)
	}
	return true
}

func (a *API) event(w http.ResponseWriter, r *http.Request) {
	var e map[string]any
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", "not JSON")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resources.events = append(a.resources.events, e)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(e) // the client's to notice
}

// patch merges a status.
func (a *API) patch(w http.ResponseWriter, r *http.Request) {
	path, isStatus := strings.CutSuffix(r.URL.Path, "/status")
	var patch map[string]any
	if json.NewDecoder(r.Body).Decode(&patch) != nil || !isStatus {
		refuse(w, http.StatusBadRequest, "BadRequest", "no patch of a status")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	o, there := a.resources.objects[path]
	if !there {
		refuse(w, http.StatusNotFound, "NotFound", path+" not found")
		return
	}
	o = clone(o)
	status, _ := o["status"].(map[string]any)
	if status == nil {
		status = map[string]any{}
	}
	fields, _ := patch["status"].(map[string]any)
	for key, value := range fields {
		if status[key] = value; value == nil {
			delete(status, key)
		}
	}
	o["status"] = status
	a.resources.patches++
	a.resources.change("MODIFIED", path, o)
	_ = json.NewEncoder(w).Encode(o) // the client's to notice
}

func (a *API) list(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	items := []map[string]any{}
	for path, o := range a.resources.objects {
		if within(path, r.URL.Path) {
			items = append(items, o)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client's to notice
		"apiVersion": "config.ratify.deislabs.io/v1beta1", "kind": "List",
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.resources.version)}, "items": items,
	})
}

// within reports whether an object is in a list: of its kind, in a namespace or all.
func within(object, list string) bool {
	object, list = strings.TrimPrefix(object, group), strings.TrimPrefix(list, group)
	if strings.HasPrefix(object, list+"/") {
		return true
	}
	parts := strings.Split(object, "/")
	return len(parts) == 4 && parts[2] == list
}

func (a *API) watch(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "BadRequest", "no version")
		return
	}
	w.WriteHeader(http.StatusOK)
	for {
		_ = http.NewResponseController(w).Flush() // the client's to notice
		a.mu.Lock()
		changed, down := a.resources.changed, a.resources.down
		var news []event
		for _, e := range a.resources.history {
			if e.version > since && within(e.path, r.URL.Path) {
				news = append(news, e)
			}
		}
		since = a.resources.version
		a.mu.Unlock()
		if down {
			return
		}
		for _, e := range news {
			if json.NewEncoder(w).Encode(e) != nil {
				return
			}
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
