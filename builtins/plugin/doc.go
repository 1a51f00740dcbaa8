// SPDX-License-Identifier: Apache-2.0

// Package plugin is opa-ratify as a plugin of OPA: it reads plugins.ratify,
// builds the service behind the built-ins from it, and serves Gatekeeper.
//
//	plugins.ratify ──Validate──▶ config ──Start──▶ service ──Use──▶ built-ins
//	                                 └──New──▶ routes /ratify/gatekeeper/…
//
// main registers it like this:
//
//	caches := &plugin.Caches{}
//	runtime.RegisterPlugin(plugin.Name, plugin.Factory{Caches: caches})
//	runtime.RegisterHook(&plugin.Ensure{})
//	runtime.RegisterHook(&plugin.QueryCacheHook{Caches: caches})
//	runtime.RegisterHook(&plugin.ValueCacheHook{Caches: caches})
//
// The settings are listed in README.md, which a test compares with the code.
package plugin
