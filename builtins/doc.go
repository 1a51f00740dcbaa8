// SPDX-License-Identifier: Apache-2.0

// Package builtins is the Rego surface: the functions by which a policy asks
// what is attached to an image and who vouches for it.
//
// Data moves one way:
//
//	image ─parse─▶ reference ─resolve─▶ subject ─list─▶ referrers ─fetch─▶ evidence ─verify─▶ report ─▶ Rego
//
// A built-in here decodes its operand, asks the service, encodes the answer; the
// steps themselves are packages below internal/. [Register] makes the built-ins
// known to OPA and has to run before any of OPA's commands does.
//
// Whatever a registry or a stranger's signature does wrong is an answer with a
// code, never an error and never undefined: in Rego undefined would let a rule
// such as "deny if not …verified" pass silently. Evaluation stops only for what
// the policy's author must mend (an unknown request key, an invalid trust
// document) and when the caller has gone.
package builtins
