// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"encoding/base64"
	"encoding/json"
	"errors"
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

// within says where inside the operand err was found, before what it says itself.
func within(path string, err error) error {
	if e, ok := errors.AsType[*operandError](err); ok {
		return &operandError{operand: e.operand, path: path + e.path, problem: e.problem}
	}
	return err
}

// request is the operand of the built-ins that look at an image.
type request struct {
	image        string
	named        bool      // an image was given; "" is one that cannot be read
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
		r := request{image: string(s), named: true}
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
		if err := r.set(string(key), v.Value); err != nil {
			return within(path+"."+string(key), err)
		}
		return nil
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
	case !r.named && slices.Contains(keys, "image"):
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

func (r *request) set(key string, v ast.Value) (err error) {
	switch key {
	case "image":
		r.named = true
		r.image, err = stringOf(v)
	case "trust":
		if _, ok := v.(ast.Object); !ok {
			return wrong("", "must be a trust document (an object), is %s", ast.ValueName(v))
		}
		r.trust = v
	case "platform":
		if r.platform, err = stringOf(v); err == nil {
			if problem := verify.CheckPlatform(r.platform); problem != nil {
				return wrong("", "%s", problem)
			}
		}
	case "annotations":
		r.annotations, err = stringsOf(v)
	case "timeout":
		r.timeout, err = durationOf(v)
	case "fresh":
		fresh, ok := v.(ast.Boolean)
		if !ok {
			return wrong("", "must be a boolean, is %s", ast.ValueName(v))
		}
		r.fresh = bool(fresh)
	case "max_stale":
		r.maxStale, err = durationOf(v)
	case "artifact_type":
		r.artifactType, err = stringOf(v)
	case "predicate_type":
		r.predicateType, err = stringOf(v)
	case "policy":
		r.policy, err = stringOf(v)
	case "digest":
		r.digest, err = digestOf(v)
	case "bytes":
		r.bytes, err = base64Of(v)
	case "envelope":
		r.envelope, err = envelopeOf(v)
	}
	return err
}

func stringOf(v ast.Value) (string, error) {
	s, ok := v.(ast.String)
	if !ok {
		return "", wrong("", "must be a string, is %s", ast.ValueName(v))
	}
	return string(s), nil
}

func stringsOf(v ast.Value) (map[string]string, error) {
	object, ok := v.(ast.Object)
	if !ok {
		return nil, wrong("", "must be an object of strings, is %s", ast.ValueName(v))
	}
	m := make(map[string]string, object.Len())
	err := object.Iter(func(k, v *ast.Term) error {
		key, err := stringOf(k.Value)
		if err != nil {
			return within(" key", err)
		}
		if m[key], err = stringOf(v.Value); err != nil {
			return within(fmt.Sprintf("[%q]", key), err)
		}
		return nil
	})
	return m, err
}

func durationOf(v ast.Value) (time.Duration, error) {
	s, err := stringOf(v)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, wrong("", `%q is not a positive duration; write it as "2s" or "500ms"`, s)
	}
	return d, nil
}

func digestOf(v ast.Value) (string, error) {
	s, err := stringOf(v)
	if err != nil {
		return "", err
	}
	if err := digest.Digest(s).Validate(); err != nil {
		return "", wrong("", "%q is not a digest: %v; write sha256: and 64 hexadecimal digits", s, err)
	}
	return s, nil
}

func base64Of(v ast.Value) ([]byte, error) {
	s, err := stringOf(v)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, wrong("", "is not base64: %v; use base64.encode", err)
	}
	return b, nil
}

// envelopeOf accepts an envelope as base64, or a JSON envelope as it stands.
func envelopeOf(v ast.Value) ([]byte, error) {
	if _, ok := v.(ast.Object); !ok {
		return base64Of(v)
	}
	plain, err := ast.JSON(v)
	if err != nil {
		return nil, wrong("", "is not a JSON value: %v", err)
	}
	return json.Marshal(plain)
}
