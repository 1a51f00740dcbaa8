// SPDX-License-Identifier: Apache-2.0

package notation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/notaryproject/notation-core-go/revocation/ocsp"
	"github.com/notaryproject/notation-core-go/revocation/result"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/revocation"
)

// revocationFinding says what an answer has against its chain, nil if nothing. A nil
// answer did not come in time.
func revocationFinding(a *revocation.Answer, what string) *report.Error {
	switch {
	case a == nil:
		return unreachable("the revocation of the %s was not answered in time; ask again, or see whether the responders are reachable from here", what)
	case a.Err != nil:
		return unreachable("the revocation of the %s cannot be checked: %s", what, report.OneLine(a.Err.Error()))
	}
	var unknown *report.Error
	for i, one := range a.Results {
		switch one.Result {
		case result.ResultOK, result.ResultNonRevokable:
		case result.ResultRevoked:
			return finding(report.Revoked, "the %s %q is revoked (%s); sign again with a valid certificate", what, nameOf(a.Chain[i]), one.RevocationMethod)
		default:
			unknown = unknownFinding(what, nameOf(a.Chain[i]), one)
		}
	}
	return unknown
}

// unknownFinding: a responder that does not know the certificate has answered;
// everything else is evidence not seen.
func unknownFinding(what, subject string, one *result.CertRevocationResult) *report.Error {
	var said []string
	answered, tooLarge := true, false
	for _, server := range one.ServerResults {
		if server.Error == nil {
			continue
		}
		answered = answered && errors.As(server.Error, &ocsp.UnknownStatusError{})
		tooLarge = tooLarge || errors.Is(server.Error, revocation.ErrTooLarge)
		said = append(said, fmt.Sprintf("%s %s: %v", server.RevocationMethod, server.Server, server.Error))
	}
	message := report.OneLine(strings.Join(said, "; "))
	if answered {
		return finding(report.RevocationUnknown, "the responder does not know the %s %q: %s", what, subject, message)
	}
	e := unreachable("the revocation of the %s %q is unknown: %s", what, subject, message)
	e.Retryable = !tooLarge
	return e
}

func unreachable(format string, args ...any) *report.Error {
	e := finding(report.RevocationUnknown, format, args...)
	e.Retryable, e.Unseen = true, true
	return e
}
