// SPDX-License-Identifier: Apache-2.0

package builtins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opa-ratify/opa-ratify/builtins/internal/report"
	"github.com/opa-ratify/opa-ratify/builtins/internal/service"
)

// Bounds on a stranger's JSON before it becomes a Rego term. A term costs some
// hundred bytes where "[" costs one, and deep nesting costs stack (threat:
// amplification by crafted documents).
const (
	maxDepth = 64
	maxNodes = 200_000
)

// document answers with a JSON document that was fetched by digest.
func document(c call, name string, fetch func(context.Context, service.Question) (service.Answer, []byte)) (ast.Value, error) {
	r, err := parseRequest(c.operands[0].Value, "", manifestKeys)
	if err != nil {
		return nil, err
	}
	a, raw := fetch(c.ctx, r.lookup(c))
	value := ast.Value(ast.NewObject())
	if len(a.Errors) == 0 {
		if value, err = parseObject(raw); err != nil {
			value = ast.NewObject()
			a.Errors = append(a.Errors, report.Error{Code: documentCode(err), Stage: report.StageFetch, Message: fmt.Sprintf("%s of %s: %v", name, a.Reference, err)})
		}
	}
	return ast.NewObject(append(about(a), at(name, value))...), nil
}

var errTooComplex = errors.New("too complex")

func documentCode(err error) report.Code {
	if errors.Is(err, errTooComplex) {
		return report.TooLarge
	}
	return report.InvalidResponse
}

// parseObject turns a stranger's JSON object into a Rego value, within bounds.
func parseObject(raw []byte) (ast.Value, error) {
	if err := checkComplexity(raw); err != nil {
		return nil, err
	}
	var v map[string]any
	if err := util.UnmarshalJSON(raw, &v); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	return ast.InterfaceToValue(v)
}

// checkComplexity walks the tokens without building anything.
func checkComplexity(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	depth, nodes := 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if nodes++; depth > maxDepth || nodes > maxNodes {
			return fmt.Errorf("%w: more than %d levels or %d values", errTooComplex, maxDepth, maxNodes)
		}
	}
}

// about encodes what all answers about an image have in common.
func about(a service.Answer) []pair {
	return []pair{
		str("image", a.Image), str("reference", a.Reference),
		str("digest", a.Descriptor.Digest.String()), str("media_type", a.Descriptor.MediaType),
		at("stale", array(a.Stale, encodeStale)), at("errors", array(a.Errors, encodeError)),
	}
}

func encodeDescriptor(d ocispec.Descriptor) ast.Value {
	return ast.NewObject(
		str("artifact_type", d.ArtifactType), str("media_type", d.MediaType), str("digest", d.Digest.String()),
		size(d.Size), at("annotations", stringMapValue(d.Annotations)),
	)
}

func size(n int64) pair {
	return pair{ast.InternedTerm("size"), ast.NumberTerm(json.Number(fmt.Sprint(n)))}
}
