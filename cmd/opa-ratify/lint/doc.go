// SPDX-License-Identifier: Apache-2.0

// Package lint is the command `opa-ratify lint`: it finds mistakes in trust
// policies that compile, pass their tests and admit what they should not.
//
// The judging is Rego that reads Rego. For each bundle the rules get one document
// as input:
//
//	modules    [{file, test, ast}]   ast as of `opa parse --format json --json-include locations,comments`,
//	                                 location.text in base64; test: the package ends in _test
//	documents  [{file, path, value, locations}]   data files, with where in data they go
//	trust      [{file, value, locations, faults}] trust documents in data and in Rego;
//	                                 faults [{pointer, message}] is what the verifier objects to
//	refused    [{file, row, col, message}]        what the program refuses to load
//	ignores    [{file, row, col, covers, rule, reason}]  comments `# lint:ignore rule reason`,
//	                                 covers: the row they speak of
//	manifest   {file, value}, or {} if there is none
//
// locations are {row, col} by JSON pointer (RFC 6901). A rule is a package
// lint.rules.<name> with a set `findings`; see README.md for the contract.
package lint

//go:generate go test -run ^TestReadme$ . -update
