// SPDX-License-Identifier: Apache-2.0

// Package rego embeds the Rego library that policies import as
// data.ratify.<topic>, and makes OPA's compiler know it.
//
// The library is part of compilation, not of the store: it is in no bundle's
// roots, cannot be changed over the policy API, and has the version of the
// binary. A topic is compiled into a policy only if the policy refers to it, so
// that a policy without the library stays portable; [Always] is for a server
// that itself asks for a topic.
//
// The packages below data.ratify are reserved. A policy that declares one would
// add rules to the library's (threat: a rule that weakens the decision from
// afar), so it is refused when it is compiled.
package rego

//go:generate go test -run ^TestReadme$ . -update
