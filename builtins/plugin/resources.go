// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/opa-ratify/opa-ratify/builtins/internal/config"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/cluster"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/follow"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// follow follows the resources of a cluster, if that is configured.
func (p *Plugin) follow(ctx context.Context, c config.Resources) error {
	if c.Watch == "" {
		return nil
	}
	if err := p.owned.own(ctx); err != nil {
		return err
	}
	h := host{p}
	if err := h.Wait(ctx, follow.Unread().Message); err != nil {
		return err
	}
	p.change(func(known *condition) { known.resources = follow.Unread() })
	client, err := cluster.New(cluster.Options{Kubeconfig: c.Kubeconfig, UserAgent: p.userAgent})
	if err != nil {
		h.Say(follow.Condition{Waiting: true, Message: err.Error()})
		return h.Wait(ctx, err.Error())
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // paths with ~ are left alone
	}
	f := follow.Start(follow.Options{ //nolint:contextcheck // it follows until Stop
		Client: client, Host: h, Namespaces: c.Namespaces, Resync: c.Resync,
		Standing: standing.Options{
			Translate: translate.Options{
				Home: home, Certificates: translate.CertificateFiles,
				Configurable: configurable, Added: c.Namespaced == config.NamespacedAdd,
			},
			Parse: h.parse,
		},
	})
	p.follower.Store(f)
	return nil
}

// refollow follows as another configuration says, if it says otherwise.
func (p *Plugin) refollow(ctx context.Context, next *section) error {
	p.mu.Lock()
	same := reflect.DeepEqual(p.base.Resources, next.Resources)
	p.mu.Unlock()
	if same {
		return nil
	}
	p.unfollow()
	p.mu.Lock()
	p.section = nil
	p.mu.Unlock()
	p.change(func(c *condition) { c.resources = follow.Condition{} })
	if next.Resources.Watch == "" && p.owned.ready {
		return host{p}.Wait(ctx, "the resources of the cluster are not watched any more; set plugins.ratify.resources.watch: kubernetes")
	}
	return p.follow(ctx, next.Resources)
}

// unfollow ends following. What is in force stays.
func (p *Plugin) unfollow() {
	if f := p.follower.Swap(nil); f != nil {
		f.Stop()
	}
}

// fetched is told after each fetch of a key provider.
func (p *Plugin) fetched() {
	if f := p.follower.Load(); f != nil {
		f.KeysFetched()
	}
}

// host is the plugin as the follower sees it.
type host struct{ *Plugin }

// Adopt puts trust and configuration into force together: a decision sees both or
// neither.
func (h host) Adopt(ctx context.Context, o *standing.Outcome) error {
	p := h.Plugin
	p.mu.Lock()
	defer p.mu.Unlock()
	content := map[string]any{"trust": o.Trust}
	revision, err := digest(content)
	if err != nil {
		return err
	}
	if p.revision == revision && string(p.section) == string(o.Section) {
		return nil
	}
	done, discard := func() {}, func() {}
	if string(p.section) != string(o.Section) {
		c, err := joined(p.base, o.Section)
		if err != nil {
			return err
		}
		next, err := p.build(c) //nolint:contextcheck // the service outlives the call
		if err != nil {
			return err
		}
		done, discard = func() { p.install(c, next) }, func() { p.close(next) }
	}
	if err := p.owned.write(ctx, content, done); err != nil {
		discard()
		return err
	}
	p.revision, p.section = revision, slices.Clone(o.Section)
	p.serves(p.service)
	return nil
}

// Wait implements [follow.Host].
func (h host) Wait(ctx context.Context, why string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revision = ""
	return h.owned.write(ctx, map[string]any{"pending": why}, nil)
}

// Say implements [follow.Host].
func (h host) Say(c follow.Condition) {
	h.change(func(known *condition) { known.resources = c })
	if c.Message != "" {
		h.manager.Logger().Warn("plugins.ratify.resources: %s", c.Message)
	}
}

// Warn implements [follow.Host].
func (h host) Warn(err error) { h.manager.Logger().Warn("plugins.ratify.resources: %v", err) }

// Keys implements [follow.Host].
func (h host) Keys(name string) (follow.Provider, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, st := range h.service.KeyProviders() {
		if st.Provider != name {
			continue
		}
		found := follow.Provider{Status: st, Keys: h.service.KeysOf(name)}
		for _, c := range h.config.Load().KeyProviders {
			if c.Name == name {
				found.Interval = c.RefreshInterval
			}
		}
		return found, true
	}
	return follow.Provider{}, false
}

// parse reads a trust document as the engine does. Documents that need a key
// provider are not among those that are asked about.
func (h host) parse(raw []byte) error {
	s, err := service.Current()
	if err != nil {
		return err
	}
	_, err = s.ParseTrust(context.Background(), raw)
	return err
}

func configurable(c *config.Config) error { return service.Check(c, service.Deps{}) }

// section is plugins.ratify, as the operator wrote it.
type section struct {
	*config.Config

	raw []byte
}

// joined is the operator's configuration with what the resources say.
func joined(base *section, more []byte) (*config.Config, error) {
	if len(more) == 0 {
		return base.Config, nil
	}
	raw, err := config.Join(base.raw, more)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("with what the resources say: %w", err)
	}
	return c, nil
}
