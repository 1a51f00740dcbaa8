#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Rewrites go.mod for the versions below. k8s.io/kubernetes requires its
# staging modules at v0.0.0, so each one is replaced by its published version.
set -euo pipefail
cd "$(dirname "$0")"
kubernetes=v1.36.3
gatekeeper=v3.23.1
etcd=v3.6.8

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mod=$(cd "$dir" && go mod download -json "k8s.io/kubernetes@$kubernetes" | jq -r .GoMod)
{
	echo "module github.com/opa-ratify/opa-ratify/test/e2e/tools/k8s"
	echo
	echo "go 1.26.0"
	echo
	echo "tool ("
	echo "	k8s.io/kubernetes/cmd/kube-apiserver"
	echo "	k8s.io/kubernetes/cmd/kubectl"
	echo "	github.com/open-policy-agent/gatekeeper/v3"
	echo "	go.etcd.io/etcd/server/v3"
	echo ")"
	echo
	echo "require ("
	echo "	github.com/open-policy-agent/gatekeeper/v3 $gatekeeper"
	echo "	go.etcd.io/etcd/server/v3 $etcd"
	echo "	k8s.io/kubernetes $kubernetes"
	echo ")"
	echo
	echo "replace ("
	go mod edit -json "$mod" |
		jq -r --arg v "v0.${kubernetes#v1.}" \
			'.Replace[].Old.Path | select(test("k8s.io/sample-(cli-plugin|controller)") | not) | "\t\(.) => \(.) \($v)"'
	echo ")"
} >go.mod
rm -f go.sum
go mod tidy
