// SPDX-License-Identifier: Apache-2.0

package signtest

import (
	"context"
	"crypto"
	"fmt"

	"github.com/notaryproject/tspclient-go"
)

// Countersign adds the TSA's timestamp to an envelope, in place of the one it has.
// Unlike signing with [SignOptions.TSA] it does not check what the TSA answers, so that
// the timestamp may be by an expired or unsuitable TSA.
func (t *TSA) Countersign(ctx context.Context, env Envelope) (Envelope, error) {
	signature, err := signatureOf(env)
	if err != nil {
		return Envelope{}, err
	}
	token, err := t.Token(ctx, signature)
	if err != nil {
		return Envelope{}, err
	}
	return WithTimestamp(env, token)
}

// Token is a timestamp (CMS, DER) of content, asked for over HTTP.
func (t *TSA) Token(ctx context.Context, content []byte) ([]byte, error) {
	query, err := tspclient.NewRequest(tspclient.RequestOptions{Content: content, HashAlgorithm: crypto.SHA256})
	if err != nil {
		return nil, fmt.Errorf("make time-stamp query: %w", err)
	}
	client, err := tspclient.NewHTTPTimestamper(nil, t.URL)
	if err != nil {
		return nil, fmt.Errorf("use TSA %s: %w", t.URL, err)
	}
	response, err := client.Timestamp(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("query TSA %s: %w", t.URL, err)
	}
	return response.TimestampToken.FullBytes, nil
}

func signatureOf(env Envelope) (signature []byte, err error) {
	_, err = edit(env, func(p *parts) error {
		signature = p.signature
		return nil
	})
	return signature, err
}
