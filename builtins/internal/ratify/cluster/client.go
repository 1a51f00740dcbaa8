// SPDX-License-Identifier: Apache-2.0

// Package cluster watches Ratify's custom resources in a cluster and writes their
// status.
//
//	API server ──list, watch──▶ objects ──▶ Sink
//	          ◀──patch of the status, events── verdicts
//
// It is client-go's dynamic client below its reflectors, which list again and back
// off by themselves; together they add 4 MiB to the binary, the typed clients 21.
// Only these resources are read, no Secret and no Pod.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// kind is one kind of resource. All are served in the version that is read here,
// whichever they were written in.
type kind struct {
	name, resource string
	namespaced     bool
}

func kinds() []kind {
	return []kind{
		{"Store", "stores", false},
		{"Verifier", "verifiers", false},
		{"Policy", "policies", false},
		{"KeyManagementProvider", "keymanagementproviders", false},
		{"CertificateStore", "certificatestores", true},
		{"NamespacedStore", "namespacedstores", true},
		{"NamespacedVerifier", "namespacedverifiers", true},
		{"NamespacedPolicy", "namespacedpolicies", true},
		{"NamespacedKeyManagementProvider", "namespacedkeymanagementproviders", true},
	}
}

const (
	group   = "config.ratify.deislabs.io"
	version = "v1beta1"
)

// Options configures a [Client].
type Options struct {
	// Kubeconfig is a file. "": the pod's service account.
	Kubeconfig string
	// UserAgent is sent to the API server. "": client-go's.
	UserAgent string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Client reaches the API server. It may be shared between goroutines.
type Client struct {
	api dynamic.Interface
	now func() time.Time
}

// New returns a client. The API server is not asked.
func New(o Options) (*Client, error) {
	c, err := access(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	c.UserAgent = o.UserAgent
	c.QPS, c.Burst = 20, 100 // at the start the status of each resource is written
	api, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{api: api, now: o.Now}, nil
}

func access(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		c, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("the pod's service account: %w; mount it, or name a file in plugins.ratify.resources.kubeconfig", err)
		}
		return c, nil
	}
	c, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("plugins.ratify.resources.kubeconfig: %w", err)
	}
	return c, nil
}

// requestTimeout bounds one request that is no watch.
const requestTimeout = 30 * time.Second

// SetStatus writes the status of a resource; what it has and status does not name
// stays. A resource that is gone is no error.
func (c *Client) SetStatus(ctx context.Context, k standing.Key, status map[string]any) error {
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	r, found := c.resource(k)
	if !found {
		return fmt.Errorf("set status of %s: the kind is not watched", k.Title())
	}
	ctx, cancel := context.WithTimeout(quiet(ctx), requestTimeout)
	defer cancel()
	_, err = r.Patch(ctx, k.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !errors.IsNotFound(err) {
		return fmt.Errorf("set status of %s: %w", k.Title(), err)
	}
	return nil
}

// Warn makes an event about a resource, once for each message: several replicas make
// one of the same name.
func (c *Client) Warn(ctx context.Context, k standing.Key, uid, message string) error {
	namespace := k.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	sum := fnv.New64a()
	sum.Write([]byte(uid + message))
	now := c.now().UTC().Format(time.RFC3339)
	event := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]any{"name": fmt.Sprintf("%s.%x", k.Name, sum.Sum64()), "namespace": namespace},
		"involvedObject": map[string]any{"apiVersion": group + "/" + version, "kind": k.Kind, "name": k.Name, "namespace": k.Namespace, "uid": uid},
		"reason":         "Invalid", "message": short(message, maxEventMessage), "type": "Warning",
		"source": map[string]any{"component": "opa-ratify"}, "firstTimestamp": now, "lastTimestamp": now, "count": int64(1),
	}}
	ctx, cancel := context.WithTimeout(quiet(ctx), requestTimeout)
	defer cancel()
	_, err := c.api.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Namespace(namespace).Create(ctx, event, metav1.CreateOptions{})
	if err != nil && !errors.IsAlreadyExists(err) {
		return fmt.Errorf("make an event about %s: %w", k.Title(), err)
	}
	return nil
}

// maxEventMessage is the API's bound on the message of an event.
const maxEventMessage = 1024

func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most-len("...")] + "..."
}

func (c *Client) resource(k standing.Key) (dynamic.ResourceInterface, bool) {
	for _, known := range kinds() {
		if known.name == k.Kind {
			return c.of(known, k.Namespace), true
		}
	}
	return nil, false
}

func (c *Client) of(k kind, namespace string) dynamic.ResourceInterface {
	all := c.api.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: k.resource})
	if !k.namespaced || namespace == "" {
		return all
	}
	return all.Namespace(namespace)
}

// quiet keeps client-go from logging by itself: who asks is told.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }
