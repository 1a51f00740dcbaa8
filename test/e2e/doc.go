// SPDX-License-Identifier: Apache-2.0

// Package e2e admits and refuses pods through a real cluster: etcd, kube-apiserver and
// Gatekeeper as processes on loopback, with opa-ratify as the provider behind mutual
// TLS, and a registry. See README.md; `make e2e` runs it.
//
// Everything is behind the build tag e2e, because it takes minutes:
//
//	e2e_test.go         the list of scenarios, what is printed
//	tools_test.go       builds the pinned programs of tools/*/go.mod
//	cluster_test.go     etcd, kube-apiserver, registry     ┐ once
//	gatekeeper_test.go  Gatekeeper and its webhooks        ┘
//	stage_test.go       what each scenario has of its own: namespace, provider, constraint
//	objects_test.go     the shipped Provider, constraint and mutators, narrowed to a stage
//	scenario_*_test.go  the scenarios
package e2e
