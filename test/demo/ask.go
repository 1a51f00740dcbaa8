// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

const verifyPath = "/ratify/gatekeeper/v1/verify"

// The wire format of Gatekeeper's external data, as far as the demo reads it.
// Spec: externaldata.gatekeeper.sh/v1beta1.
type providerRequest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Request    struct {
		Keys []string `json:"keys"`
	} `json:"request"`
}

type providerResponse struct {
	Response struct {
		Items []struct {
			Key   string `json:"key"`
			Value struct {
				IsSuccess bool     `json:"isSuccess"`
				Reasons   []string `json:"reasons"`
			} `json:"value"`
			Error string `json:"error"`
		} `json:"items"`
		SystemError string `json:"systemError"`
	} `json:"response"`
}

func newRequest(images []image) providerRequest {
	r := providerRequest{APIVersion: "externaldata.gatekeeper.sh/v1beta1", Kind: "ProviderRequest"}
	for _, i := range images {
		r.Request.Keys = append(r.Request.Keys, i.reference)
	}
	return r
}

// ask sends all images in one request, as Gatekeeper does for a pod with many
// containers, prints the answers and counts the unexpected ones.
func ask(ctx context.Context, out io.Writer, s *servetest.Server, images []image) (unexpected int, err error) {
	body, err := json.Marshal(newRequest(images))
	if err != nil {
		return 0, err
	}
	client, err := s.Certificates.Client()
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+verifyPath, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the provider: %w", err)
	}
	defer resp.Body.Close()
	var answer providerResponse
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil {
		return 0, fmt.Errorf("read the provider's answer: %w", err)
	}
	return report(out, answer, images)
}

// longDigest is cut in the table; the answer itself has whole digests.
var longDigest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

func report(out io.Writer, answer providerResponse, images []image) (unexpected int, err error) {
	if answer.Response.SystemError != "" {
		return 0, fmt.Errorf("the provider answered with a system error: %s", answer.Response.SystemError)
	}
	if len(answer.Response.Items) != len(images) {
		return 0, fmt.Errorf("%d answers to %d images", len(answer.Response.Items), len(images))
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nIMAGE\tWHAT IT IS\tVERDICT\tREASON")
	for i, item := range answer.Response.Items {
		verdict, reason := "denied", item.Error+strings.Join(item.Value.Reasons, "; ")
		if item.Error == "" && item.Value.IsSuccess {
			verdict, reason = "admitted", ""
		}
		if item.Key != images[i].reference || (verdict == "admitted") != images[i].admitted || !strings.Contains(reason, images[i].code) {
			unexpected++
			verdict += " (UNEXPECTED)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", item.Key, images[i].about, verdict, longDigest.ReplaceAllString(reason, "$1…"))
	}
	return unexpected, table.Flush()
}

// explain says how to go on by hand.
func explain(out io.Writer, s *servetest.Server, binary, bundle string, sh *shelf) {
	example, _ := json.Marshal(newRequest(sh.images[:1])) // strings always marshal
	fmt.Fprintf(out, `
Ask again:
  curl --cacert %s --cert %s --key %s \
    -d '%s' \
    %s%s

Ask without Gatekeeper, with the same bundle:
  %s eval -b %s -f pretty 'data.trust' --stdin-input <<< '{"image": "%s"}'

The registry is at %s. Ctrl-C ends the demo.
`, s.Certificates.CA, s.Certificates.ClientCert, s.Certificates.ClientKey, example, s.URL, verifyPath,
		binary, bundle, sh.images[0].reference, sh.registry.Host())
}
