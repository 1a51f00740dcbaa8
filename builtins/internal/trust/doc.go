// SPDX-License-Identifier: Apache-2.0

// Package trust decodes, validates and compiles the trust document, the operand
// that says which signers count (DESIGN.md, section 3).
package trust
