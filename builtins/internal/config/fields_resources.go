// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Resources says whether the custom resources of Ratify are watched.
type Resources struct {
	// Watch is kubernetes: Stores, Verifiers, Policies and the like of the cluster are what the bundle ratify decides by, and what they say of registries and key services adds to this configuration, which comes first. Empty: none are watched.
	Watch string `yaml:"watch"`
	// Kubeconfig is the file that says how to reach the API server. Empty: the pod's service account.
	Kubeconfig string `yaml:"kubeconfig"`
	// Namespaces lists those whose resources of their own are watched. Empty: all.
	Namespaces []string `yaml:"namespaces"`
	// Namespaced is add or replace: whether what a namespace has adds to the cluster's demands, or takes their place there, as in Ratify: who may write to a namespace then decides what is admitted to it.
	Namespaced Namespaced `yaml:"namespaced"`
	// Resync is the time after which every status is compared again with what holds.
	Resync time.Duration `yaml:"resync"`
}

// Namespaced says what the resources of a namespace do.
type Namespaced string

// The ways.
const (
	NamespacedAdd     Namespaced = "add"
	NamespacedReplace Namespaced = "replace"
)

// WatchKubernetes is the one place where resources are watched.
const WatchKubernetes = "kubernetes"

func (r *Resources) check(d *decoder, path string) {
	if r.Watch != "" && r.Watch != WatchKubernetes {
		d.report(path+".watch", "%s: not known; write kubernetes", quote(r.Watch))
	}
	if r.Watch == "" && (r.Kubeconfig != "" || len(r.Namespaces) > 0) {
		d.report(path, "says how to watch, but not that; write watch: kubernetes")
	}
	for i, n := range r.Namespaces {
		if n == "" {
			d.report(path+".namespaces", "entry %d is empty", i)
		}
	}
	if r.Resync < time.Minute || r.Resync > 24*time.Hour {
		d.report(path+".resync", "%v: out of range; write 1m to 24h", r.Resync)
	}
}
