// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/outbound"
)

// digestHeader is how a registry names the digest of an answer.
// Spec: OCI distribution v1.1.1, "Pulling manifests".
const digestHeader = "Docker-Content-Digest"

// checkHeader refuses an answer that says it is something else than was asked for.
func checkHeader(want digest.Digest, header http.Header) error {
	got := header.Get(digestHeader)
	if want == "" || got == "" || got == want.String() {
		return nil
	}
	if claimed, err := digest.Parse(got); err == nil && claimed.Algorithm() != want.Algorithm() {
		return nil // another name of the content, which is hashed anyway
	}
	return mismatch("the answer's %s is %q, asked for was %s", digestHeader, shorten(got), want)
}

// readBody reads the body of r's answer, bounded by its limit and by its size if
// that is known, hashing while it reads. Nothing is allocated by what the
// registry declares.
func readBody(body io.Reader, declared int64, r request) ([]byte, error) {
	limit := r.limit
	if r.size > 0 {
		if declared >= 0 && declared != r.size {
			return nil, mismatch("the answer has %d bytes, the descriptor says %d", declared, r.size)
		}
		limit = min(limit, r.size)
	}
	if declared > limit {
		return nil, tooLarge(declared, limit)
	}
	var verifier digest.Verifier
	if r.digest != "" {
		verifier = r.digest.Verifier()
		body = io.TeeReader(body, verifier)
	}
	content, err := outbound.ReadAll(body, limit)
	switch {
	case errors.Is(err, outbound.ErrTooLarge) && limit == r.size:
		return nil, mismatch("the answer has more than the %d bytes the descriptor says", r.size)
	case errors.Is(err, outbound.ErrTooLarge):
		return nil, tooLarge(-1, limit)
	case err != nil:
		return nil, err
	case r.size > 0 && int64(len(content)) != r.size:
		return nil, mismatch("the answer has %d bytes, the descriptor says %d", len(content), r.size)
	case verifier != nil && !verifier.Verified():
		return nil, mismatch("the answer's bytes do not have the digest %s", r.digest)
	}
	return content, nil
}

func tooLarge(declared, limit int64) error {
	if declared < 0 {
		return fmt.Errorf("%w of %d bytes", outbound.ErrTooLarge, limit)
	}
	return fmt.Errorf("%w: it has %d bytes, allowed are %d", outbound.ErrTooLarge, declared, limit)
}

// shorten bounds what is quoted of an answer.
func shorten(s string) string {
	const shown = 100
	if len(s) > shown {
		return s[:shown] + "…"
	}
	return s
}
