// SPDX-License-Identifier: Apache-2.0

// Package chartvalues reads the values of charts/opa-ratify with their comments,
// and says what the chart's JSON schema and the table in its README are:
//
//	values.yaml ──Read──▶ Section, Value ──Schema──▶ values.schema.json
//	                                     └─Table───▶ README.md
//
// The comment above a value is its line in the README. A comment "# == Title", with
// empty lines around it, begins a section. What follows `@schema` is YAML that is
// laid over the schema which the default implies:
//
//	# How many pods answer.
//	# @schema {minimum: 1}
//	replicaCount: 2
//
// Objects take no other keys than those that are there, so that a misspelling is an
// error; an empty object or list implies nothing about what is in it, so it must say.
// Existing generators (helm-tool, helm-docs) know neither the fields of list items
// nor enumerations, where most mistakes are made.
//
//go:generate go test -run ^TestGenerated$ . -update
package chartvalues
