// SPDX-License-Identifier: Apache-2.0

package dockerconfig

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// file is the content of a configuration, keyed by canonical host.
type file struct {
	entries map[string]entry  // of auths
	store   string            // credsStore: the helper that keeps what auths lists without a secret
	helpers map[string]string // credHelpers: host to helper
}

// entry is one of auths. An entry that cannot be read is an error for its own
// host only.
type entry struct {
	credential auth.Credential
	err        error
}

// parse never quotes raw: it is all secrets.
func parse(raw []byte) (*file, error) {
	var content struct {
		Auths   map[string]json.RawMessage `json:"auths"`
		Store   string                     `json:"credsStore"`
		Helpers map[string]string          `json:"credHelpers"`
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, errors.New(`not the JSON of a Docker configuration; expected {"auths": {"registry.example": {"auth": "…"}}}`)
	}
	f := &file{entries: map[string]entry{}, store: content.Store, helpers: map[string]string{}}
	for _, key := range inOrder(content.Auths) {
		host, ok := hostOf(key)
		if _, taken := f.entries[host]; ok && !taken {
			f.entries[host] = parseEntry(host, content.Auths[key])
		}
	}
	for _, key := range inOrder(content.Helpers) {
		if host, ok := hostOf(key); ok && f.helpers[host] == "" {
			f.helpers[host] = content.Helpers[key]
		}
	}
	return f, nil
}

// parseEntry reads auth, username and password, identitytoken and registrytoken
// as oras-go does.
func parseEntry(host string, raw json.RawMessage) entry {
	unreadable := entry{err: fmt.Errorf(`the entry of auths for %s cannot be read; expected "auth" to be the base64 of user:password`, host)}
	one, err := json.Marshal(map[string]any{"auths": map[string]json.RawMessage{host: raw}})
	if err != nil {
		return unreadable
	}
	store, err := credentials.NewMemoryStoreFromDockerConfig(one)
	if err != nil {
		return unreadable
	}
	credential, err := store.Get(context.Background(), host)
	if err != nil {
		return unreadable
	}
	return entry{credential: credential}
}

// Auth is one entry of a list of credentials.
type Auth struct {
	// Key is what it is for, without scheme: "registry.example/team", or a pattern
	// that Docker does not know and Kubernetes does, "*.example".
	Key        string
	Credential auth.Credential
	// Err says why the entry cannot be read; the others can.
	Err error
}

// Auths lists the credentials of a kubernetes.io/dockerconfigjson Secret, or of a
// kubernetes.io/dockercfg one, which is the list alone. The error never quotes
// raw.
func Auths(raw []byte, legacy bool) ([]Auth, error) {
	var content struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	into := any(&content)
	if legacy {
		into = &content.Auths
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, errors.New("not the JSON of a Docker configuration")
	}
	var all []Auth
	for _, key := range inOrder(content.Auths) {
		// the key does not matter to the entry, and must be a host to the parser
		read := parseEntry("registry.invalid", content.Auths[key])
		if read.err != nil {
			read.err = fmt.Errorf(`the entry for %q cannot be read; expected "auth" to be the base64 of user:password`, trimAPI(key))
		}
		all = append(all, Auth{Key: trimAPI(key), Credential: read.credential, Err: read.err})
	}
	return all, nil
}

// inOrder returns the keys, the shortest first: a key with a path
// ("registry.example/team") counts for its whole registry, but only if there is
// none without.
func inOrder[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(trimAPI(a), "/"), strings.Count(trimAPI(b), "/")), cmp.Compare(a, b))
	})
	return keys
}

// hostOf returns the canonical host of a key: "https://index.docker.io/v1/" is
// docker.io. A key that is no host, such as a pattern, names nothing.
func hostOf(key string) (string, bool) {
	host, _, _ := strings.Cut(trimAPI(key), "/")
	canonical, err := reference.CanonicalRegistry(host)
	return canonical, err == nil
}

// trimAPI takes off what old clients write around a host.
func trimAPI(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(key, "/")
	return strings.TrimSuffix(strings.TrimSuffix(key, "/v1"), "/v2")
}

// helper returns who keeps the credential of host, and which setting says so. The
// helper for all registries is asked for those auths lists, as docker login does
// list them: asking it for each registry a stranger names would run a program for
// nothing.
func (f *file) helper(host string) (helper, setting string) {
	if helper := f.helpers[host]; helper != "" {
		return helper, "credHelpers"
	}
	if _, listed := f.entries[host]; listed && f.store != "" {
		return f.store, "credsStore"
	}
	return "", ""
}
