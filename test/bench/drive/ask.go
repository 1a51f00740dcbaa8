// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// answer is a ProviderResponse as far as it is checked.
// Spec: externaldata.gatekeeper.sh/v1beta1.
type answer struct {
	Items []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
		Error string          `json:"error"`
	} `json:"items"`
	SystemError string `json:"systemError"`

	raw  []byte
	took time.Duration // from sending to having read all
}

// ask posts one ProviderRequest. The error is that of HTTP or JSON; what the answer
// says is for the caller to judge.
func (s *system) ask(ctx context.Context, keys ...string) (*answer, error) {
	body := question(keys)
	began := time.Now()
	raw, err := s.post(ctx, body)
	took := time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	var r struct {
		Response answer `json:"response"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%s: decode answer %.200q: %w", s.name, raw, err)
	}
	r.Response.raw, r.Response.took = raw, took
	return &r.Response, nil
}

func question(keys []string) []byte {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": map[string]any{"keys": keys},
	})
	if err != nil {
		panic(err) // strings
	}
	return body
}

func (s *system) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200q", resp.StatusCode, raw)
	}
	return raw, err
}

// admitted asks about images that are all good, and insists that the answer says so.
func (s *system) admitted(ctx context.Context, keys ...string) (time.Duration, error) {
	a, err := s.ask(ctx, keys...)
	if err != nil {
		return 0, err
	}
	good, err := a.good()
	if err == nil && (good != len(keys) || a.SystemError != "") {
		err = fmt.Errorf("%d of %d admitted: %s", good, len(keys), a.SystemError)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	return a.took, nil
}

// good counts the items that admit. The error is an item that does not: there is no
// image that must be rejected.
func (a *answer) good() (int, error) {
	for _, item := range a.Items {
		var value struct {
			IsSuccess bool `json:"isSuccess"`
		}
		if err := json.Unmarshal(item.Value, &value); err != nil || !value.IsSuccess {
			return 0, fmt.Errorf("good image %s rejected: %.500s%s", item.Key, item.Value, item.Error)
		}
	}
	return len(a.Items), nil
}
