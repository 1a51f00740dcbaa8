// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/verify"
)

// operandError says what the policy's author must mend. It stops evaluation.
type operandError struct {
	operand int    // from 1
	path    string // inside the operand: ".trust.notation"; "" for the operand itself
	problem string
}

func (e *operandError) Error() string {
	return fmt.Sprintf("operand %d%s: %s", e.operand, e.path, e.problem)
}

func wrong(path, format string, args ...any) error {
	return &operandError{operand: 1, path: path, problem: fmt.Sprintf(format, args...)}
}

// request is the operand of the built-ins that look at an image.
type request struct {
	image        string
	trust        ast.Value // nil: none was given
	platform     string
	annotations  map[string]string
	timeout      time.Duration
	fresh        bool
	maxStale     time.Duration
	artifactType string

	predicateType string
	digest        string
	bytes         []byte
	envelope      []byte
	policy        string
}

// The keys of a request, by built-in. Every other key is an error, so that a
// misspelt demand cannot be silently dropped.
var (
	verifyKeys    = []string{"image", "trust", "platform", "annotations", "timeout", "fresh", "max_stale"} //nolint:gochecknoglobals // constant lists
	resolveKeys   = []string{"image", "timeout", "fresh", "max_stale"}                                     //nolint:gochecknoglobals // constant lists
	referrersKeys = []string{"image", "artifact_type", "timeout", "fresh", "max_stale"}                    //nolint:gochecknoglobals // constant lists
	manifestKeys  = []string{"image", "platform", "timeout", "fresh", "max_stale"}                         //nolint:gochecknoglobals // constant lists

	attestationsKeys = []string{"image", "predicate_type", "trust", "timeout", "fresh", "max_stale"}               //nolint:gochecknoglobals // constant lists
	artifactsKeys    = []string{"image", "artifact_type", "trust", "annotations", "timeout", "fresh", "max_stale"} //nolint:gochecknoglobals // constant lists
	blobKeys         = []string{"digest", "bytes", "envelope", "predicate_type", "trust", "policy", "annotations"} //nolint:gochecknoglobals // constant lists
)

// parseRequest reads v, a string (the image) or an object with the given keys.
// path is where v stands inside the operand.
func parseRequest(v ast.Value, path string, keys []string) (request, error) {
	if s, ok := v.(ast.String); ok {
		r := request{image: string(s)}
		return r, r.complete(path, keys)
	}
	object, ok := v.(ast.Object)
	if !ok {
		return request{}, wrong(path, "must be a string (the image) or an object, is %s", ast.ValueName(v))
	}
	var r request
	err := object.Iter(func(k, v *ast.Term) error {
		key, ok := k.Value.(ast.String)
		if !ok {
			return wrong(path, "has a key that is not a string: %v", k)
		}
		if !slices.Contains(keys, string(key)) {
			return wrong(path, "unknown key %q; a request has %s", string(key), strings.Join(keys, ", "))
		}
		return r.set(string(key), v.Value, path+"."+string(key))
	})
	if err != nil {
		return request{}, err
	}
	return r, r.complete(path, keys)
}

// complete insists on what a request cannot do without.
func (r *request) complete(path string, keys []string) error {
	missing := ""
	switch {
	case r.image == "" && slices.Contains(keys, "image"):
		missing = "image"
	case r.envelope == nil && slices.Contains(keys, "envelope"):
		missing = "envelope"
	case r.predicateType == "" && slices.Contains(keys, "predicate_type") && !slices.Contains(keys, "envelope"): // a blob may be signed or attested
		missing = "predicate_type"
	}
	if missing != "" {
		return wrong(path, "%q is missing; a request has %s", missing, strings.Join(keys, ", "))
	}
	if r.fresh && r.maxStale > 0 {
		return wrong(path, `"fresh" and "max_stale" exclude each other: the one refuses what is known, the other falls back on it`)
	}
	if slices.Contains(keys, "bytes") && r.bytes == nil && r.digest == "" {
		return wrong(path, `"digest" or "bytes" is missing: say what was signed`)
	}
	return nil
}

func (r *request) set(key string, v ast.Value, path string) (err error) {
	switch key {
	case "image":
		r.image, err = stringAt(v, path)
	case "trust":
		if _, ok := v.(ast.Object); !ok {
			return wrong(path, "must be a trust document (an object), is %s", ast.ValueName(v))
		}
		r.trust = v
	case "platform":
		if r.platform, err = stringAt(v, path); err == nil {
			if problem := verify.CheckPlatform(r.platform); problem != nil {
				return wrong(path, "%s", problem)
			}
		}
	case "annotations":
		r.annotations, err = stringsAt(v, path)
	case "timeout":
		r.timeout, err = durationAt(v, path)
	case "fresh":
		fresh, ok := v.(ast.Boolean)
		if !ok {
			return wrong(path, "must be a boolean, is %s", ast.ValueName(v))
		}
		r.fresh = bool(fresh)
	case "max_stale":
		r.maxStale, err = durationAt(v, path)
	case "artifact_type":
		r.artifactType, err = stringAt(v, path)
	case "predicate_type":
		r.predicateType, err = stringAt(v, path)
	case "policy":
		r.policy, err = stringAt(v, path)
	case "digest":
		r.digest, err = digestAt(v, path)
	case "bytes":
		r.bytes, err = base64At(v, path)
	case "envelope":
		r.envelope, err = envelopeAt(v, path)
	}
	return err
}

func stringAt(v ast.Value, path string) (string, error) {
	s, ok := v.(ast.String)
	if !ok {
		return "", wrong(path, "must be a string, is %s", ast.ValueName(v))
	}
	return string(s), nil
}

func stringsAt(v ast.Value, path string) (map[string]string, error) {
	object, ok := v.(ast.Object)
	if !ok {
		return nil, wrong(path, "must be an object of strings, is %s", ast.ValueName(v))
	}
	m := make(map[string]string, object.Len())
	err := object.Iter(func(k, v *ast.Term) error {
		key, err := stringAt(k.Value, path+" key")
		if err != nil {
			return err
		}
		m[key], err = stringAt(v.Value, fmt.Sprintf("%s[%q]", path, key))
		return err
	})
	return m, err
}

func durationAt(v ast.Value, path string) (time.Duration, error) {
	s, err := stringAt(v, path)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, wrong(path, `%q is not a positive duration; write it as "2s" or "500ms"`, s)
	}
	return d, nil
}

func digestAt(v ast.Value, path string) (string, error) {
	s, err := stringAt(v, path)
	if err != nil {
		return "", err
	}
	if err := digest.Digest(s).Validate(); err != nil {
		return "", wrong(path, "%q is not a digest: %v; write sha256: and 64 hexadecimal digits", s, err)
	}
	return s, nil
}

func base64At(v ast.Value, path string) ([]byte, error) {
	s, err := stringAt(v, path)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, wrong(path, "is not base64: %v; use base64.encode", err)
	}
	return b, nil
}

// envelopeAt accepts an envelope as base64, or a JSON envelope as it stands.
func envelopeAt(v ast.Value, path string) ([]byte, error) {
	if _, ok := v.(ast.Object); !ok {
		return base64At(v, path)
	}
	plain, err := ast.JSON(v)
	if err != nil {
		return nil, wrong(path, "is not a JSON value: %v", err)
	}
	return json.Marshal(plain)
}
