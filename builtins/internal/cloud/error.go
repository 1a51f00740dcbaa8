// SPDX-License-Identifier: Apache-2.0

package cloud

import "github.com/opa-ratify/opa-ratify/builtins/internal/registry/problem"

// Error is what went wrong with a call. Its code is the HTTP status if the service
// gave none, and "" without an answer.
type Error = problem.CallError
