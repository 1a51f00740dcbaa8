// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/plugins"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/follow"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// condition is all that the plugin's status says.
type condition struct {
	late bool // routes came after the server started

	mu      sync.Mutex
	serving *service.Service // nil: before the start
	fault   string           // why there is no service
	kept    string           // why a new configuration was refused
	ended   bool

	resources follow.Condition
}

func (p *Plugin) serves(s *service.Service) {
	p.change(func(c *condition) { c.serving, c.fault, c.kept, c.ended = s, "", "", false })
}

func (p *Plugin) failed(why string) { p.change(func(c *condition) { c.fault = why }) }

func (p *Plugin) refused(why string) { p.change(func(c *condition) { c.kept = why }) }

func (p *Plugin) stopped() { p.change(func(c *condition) { c.ended = true }) }

// tell tells OPA of a condition that changed by itself.
func (p *Plugin) tell() { p.change(func(*condition) {}) }

// change tells OPA while it holds the lock: what is told last is true.
func (p *Plugin) change(how func(*condition)) {
	c := &p.condition
	c.mu.Lock()
	defer c.mu.Unlock()
	how(c)
	state, message := c.status()
	p.manager.UpdatePluginStatus(Name, &plugins.Status{State: state, Message: message})
}

// status is the worst of what there is to say.
func (c *condition) status() (plugins.State, string) {
	switch {
	case c.ended:
		return plugins.StateNotReady, "stopped"
	case c.fault != "":
		return plugins.StateErr, c.fault
	case c.serving == nil:
		return plugins.StateNotReady, ""
	}
	state, message := keysStatus(ours(c.serving.KeyProviders()))
	switch {
	case state == plugins.StateErr, state == plugins.StateNotReady:
		return state, message
	case c.resources.Waiting:
		return plugins.StateErr, c.resources.Message
	case c.kept != "":
		return plugins.StateWarn, c.kept
	case c.resources.Message != "":
		return plugins.StateWarn, c.resources.Message
	case c.late:
		return plugins.StateWarn, "the built-ins work, but Gatekeeper is not served: OPA reads routes when its server starts, " +
			"and with discovery this plugin is created later; give OPA its configuration by file"
	}
	if fault := c.serving.CacheFault(); fault != nil && message == "" { // that costs speed only: a probe must not end the process for it
		message = fault.Error()
	}
	return state, message
}

// ours are the operator's key providers. How those of resources are is said in the
// resources' status: whoever may write one must not take the process out of service.
func ours(all []keys.Status) []keys.Status {
	return slices.DeleteFunc(all, func(s keys.Status) bool { return standing.IsResource(s.Provider) })
}

// keysStatus: a provider with nothing in force makes the plugin ERROR, one that
// lives on its last good keys WARN.
func keysStatus(providers []keys.Status) (plugins.State, string) {
	state := plugins.StateOK
	var messages []string
	for _, p := range providers {
		switch {
		case p.Err == nil:
			continue
		case errors.Is(p.Err, keys.ErrPending):
			state = worse(state, plugins.StateNotReady)
		case p.Empty:
			state = worse(state, plugins.StateErr)
		default:
			state = worse(state, plugins.StateWarn)
		}
		messages = append(messages, fmt.Sprintf("key provider %q has %d keys in force: %s", p.Provider, p.Keys, strings.ReplaceAll(p.Err.Error(), "\n", "; ")))
	}
	return state, strings.Join(messages, "; ")
}

func worse(a, b plugins.State) plugins.State {
	for _, s := range []plugins.State{plugins.StateErr, plugins.StateNotReady, plugins.StateWarn} {
		if a == s || b == s {
			return s
		}
	}
	return plugins.StateOK
}
