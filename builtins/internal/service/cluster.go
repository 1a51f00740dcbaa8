// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"context"
	"os"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	kubernetesKeys "github.com/opa-ratify/opa-ratify/builtins/internal/keys/kubernetes"
	"github.com/opa-ratify/opa-ratify/builtins/internal/kubernetes"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials"
	"github.com/opa-ratify/opa-ratify/builtins/internal/registry/credentials/kubernetessecrets"
)

// cluster is the cluster this process runs in. Outside of one every reading is an
// error, so that the other providers of a configuration work on a laptop too.
type cluster struct {
	client *kubernetes.Client
	err    error
}

func newCluster() cluster {
	client, err := kubernetes.New(kubernetes.Options{HTTP: serviceClient, Env: os.Getenv})
	if err != nil {
		return cluster{client: &kubernetes.Client{}, err: &kubernetes.Error{Step: "find the cluster", Message: err.Error()}}
	}
	return cluster{client: client}
}

func (c cluster) Secret(ctx context.Context, namespace, name string) (kubernetes.Secret, error) {
	if c.err != nil {
		return kubernetes.Secret{}, c.err
	}
	return c.client.Secret(ctx, namespace, name)
}

func (c cluster) ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.client.ConfigMap(ctx, namespace, name)
}

func (c cluster) PullSecrets(ctx context.Context, namespace, account string) ([]string, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.client.PullSecrets(ctx, namespace, account)
}

func (c cluster) Account() (string, error) {
	if c.err != nil {
		return "", c.err
	}
	return c.client.Account()
}

func clusterKeys(c *config.KubernetesKeys) keys.Source {
	k := newCluster()
	wanted := make([]kubernetesKeys.Key, len(c.Keys))
	for i, key := range c.Keys {
		wanted[i] = kubernetesKeys.Key{
			Name: key.Name, Secret: key.Secret, ConfigMap: key.ConfigMap, Key: key.Key,
			Namespace: cmp.Or(key.Namespace, c.Namespace, k.client.Namespace),
		}
	}
	return kubernetesKeys.New(k, wanted)
}

func pullSecrets(c *config.KubernetesCredentials, d Deps) credentials.Provider {
	k := newCluster()
	namespace := cmp.Or(c.Namespace, k.client.Namespace)
	o := kubernetessecrets.Options{
		Reader: k, Namespace: namespace, ServiceAccount: c.ServiceAccount, RefreshInterval: c.RefreshInterval, Now: d.Now,
	}
	for _, s := range c.Secrets {
		o.Secrets = append(o.Secrets, kubernetessecrets.Secret{Namespace: cmp.Or(s.Namespace, namespace), Name: s.Name})
	}
	return kubernetessecrets.New(o)
}
