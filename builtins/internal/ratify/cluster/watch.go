// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// Object is a resource as the API server has it.
type Object struct {
	Key standing.Key
	// Raw is the resource with its name and its specification, JSON; nil if it is
	// larger than what is read.
	Raw []byte
	// UID tells a resource from one of the same name that was there before.
	UID string
	// Status is what somebody wrote last; nil if nobody did.
	Status map[string]any
}

// Sink receives what the API server says. It is called by several goroutines.
type Sink interface {
	// Put receives a resource that is new or another one.
	Put(Object)
	// Delete receives the name of one that is gone.
	Delete(standing.Key)
	// Replace receives all that there is of a source, in place of what was there.
	Replace(source Source, all []Object)
	// Reached is told how each request about a source ended; nil: it was answered.
	Reached(source Source, err error)
}

// Source is what is listed and watched as one.
type Source struct {
	Kind      string
	Namespace string // "": all
}

// Has reports whether a resource is of the source.
func (s Source) Has(k standing.Key) bool {
	return k.Kind == s.Kind && (s.Namespace == "" || s.Namespace == k.Namespace)
}

// Sources lists what is watched, for the resources of some namespaces; none for
// those of all.
func Sources(namespaces []string) []Source {
	var all []Source
	for _, k := range kinds() {
		if !k.namespaced || len(namespaces) == 0 {
			all = append(all, Source{Kind: k.name})
			continue
		}
		for _, n := range namespaces {
			all = append(all, Source{Kind: k.name, Namespace: n})
		}
	}
	return all
}

// Watch tells the sink of the sources until ctx ends.
func (c *Client) Watch(ctx context.Context, sources []Source, sink Sink) {
	ctx = quiet(ctx)
	var running sync.WaitGroup
	for _, source := range sources {
		for _, k := range kinds() {
			if k.name == source.Kind {
				running.Go(func() { c.reflector(k, source, sink).RunWithContext(ctx) })
			}
		}
	}
	running.Wait()
}

func (c *Client) reflector(k kind, source Source, sink Sink) *cache.Reflector {
	silent := logr.Discard()
	l := &lister{api: c.of(k, source.Namespace), told: func(err error) { sink.Reached(source, err) }}
	lists := &cache.ListWatch{ListWithContextFunc: l.list, WatchFuncWithContext: l.watch}
	return cache.NewReflectorWithOptions(unstreamed{lists}, &unstructured.Unstructured{}, received{k, source, sink}, cache.ReflectorOptions{Logger: &silent, Backoff: backoff()})
}

// backoff is the time between two attempts to reach the API server.
func backoff() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Cap: 10 * time.Second, Steps: 20, Factor: 2, Jitter: 0.5}
}

// unstreamed asks for pages in place of a stream of all that is there, whose size
// nobody bounds.
type unstreamed struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is asked by the reflector.
func (unstreamed) IsWatchListSemanticsUnSupported() bool { return true }

// The bounds of one list.
const (
	pageObjects  = 50
	maxListBytes = 64 << 20 // what is beyond is named without its content
)

// lister lists and watches a source. One goroutine uses it at a time.
type lister struct {
	api interface {
		List(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error)
		Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	}
	told func(error)
	left int // bytes of this list
}

func (l *lister) list(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	if o.Continue == "" {
		l.left = maxListBytes
		o.ResourceVersion = "" // other versions are not paged
	}
	o.Limit = pageObjects
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	page, err := l.api.List(ctx, o)
	if l.told(err); err != nil {
		return nil, err
	}
	for i := range page.Items {
		l.trim(&page.Items[i])
	}
	return page, nil
}

// trim leaves of an object what is used, or its name.
func (l *lister) trim(u *unstructured.Unstructured) {
	raw, err := content(u)
	if l.left -= len(raw); err != nil || len(raw) > standing.MaxObjectBytes || l.left < 0 {
		delete(u.Object, "spec")
		u.Object[tooLarge] = true
	}
	u.SetManagedFields(nil)
	u.SetAnnotations(nil)
}

// tooLarge marks an object whose content was not kept.
const tooLarge = "tooLarge"

func (l *lister) watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w, err := l.api.Watch(ctx, o)
	l.told(err)
	return w, err
}

// received is a [cache.ReflectorStore] that hands everything on.
type received struct {
	kind   kind
	source Source
	sink   Sink
}

func (r received) Add(obj any) error { return r.Update(obj) }

func (r received) Update(obj any) error {
	o, err := r.object(obj)
	if err == nil {
		r.sink.Put(o)
	}
	return err
}

func (r received) Delete(obj any) error {
	o, err := r.object(obj)
	if err == nil {
		r.sink.Delete(o.Key)
	}
	return err
}

func (r received) Replace(list []any, _ string) error {
	all := make([]Object, 0, len(list))
	for _, obj := range list {
		o, err := r.object(obj)
		if err != nil {
			return err
		}
		all = append(all, o)
	}
	r.sink.Replace(r.source, all)
	return nil
}

func (received) Resync() error { return nil }

func (r received) object(obj any) (Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return Object{}, fmt.Errorf("watch of %s: a %T", r.kind.resource, obj)
	}
	o := Object{Key: standing.Key{Kind: r.kind.name, Namespace: u.GetNamespace(), Name: u.GetName()}, UID: string(u.GetUID())}
	o.Status, _, _ = unstructured.NestedMap(u.Object, "status")
	if _, large := u.Object[tooLarge]; large {
		return o, nil
	}
	raw, err := content(u)
	if err == nil && len(raw) <= standing.MaxObjectBytes {
		o.Raw = raw
	}
	return o, err
}

// content is what of a resource decides.
func content(u *unstructured.Unstructured) ([]byte, error) {
	return json.Marshal(map[string]any{
		"apiVersion": u.GetAPIVersion(), "kind": u.GetKind(),
		"metadata": map[string]any{"name": u.GetName(), "namespace": u.GetNamespace()},
		"spec":     u.Object["spec"],
	})
}
