// SPDX-License-Identifier: Apache-2.0

package chaos_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// The verdicts, and what stands for one where there is none.
const (
	verified     = "verified"
	rejected     = "rejected"
	inconclusive = "inconclusive"
	undecided    = "undecided" // no item for the key; the system error says why
	cancelled    = "cancelled" // the client did not wait
	broken       = "broken"    // an answer that must not be
)

// answer is what was said about one image.
type answer struct {
	image   *image
	verdict string
	digest  string
	text    string // reasons
}

// party is somebody who answers questions about images.
type party interface {
	// ask asks about images, in one of the ways there are, picked at random.
	ask(ctx context.Context, random *rand.Rand, images []*image) []answer
	goroutines(t *testing.T) int
}

const policy = `package trust

default allow := false

allow if report.verified

report := ratify.verify({"image": input.image, "trust": data.trust.release})

reasons contains e.message if some e in report.errors

reasons contains e.message if some e in report.signatures[_].errors`

// report is the part of a report that is looked at.
type report struct {
	Verdict string  `json:"verdict"`
	Digest  string  `json:"digest"`
	Errors  []named `json:"errors"`
}

type named struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// decision is the value of data.trust.
type decision struct {
	Allow   bool     `json:"allow"`
	Report  report   `json:"report"`
	Reasons []string `json:"reasons"`
}

func (d decision) answer(i *image) answer {
	a := answer{i, d.Report.Verdict, d.Report.Digest, strings.Join(d.Reasons, "; ")}
	if d.Allow != (a.verdict == verified) || !slices.Contains([]string{verified, rejected, inconclusive}, a.verdict) {
		a.text, a.verdict = fmt.Sprintf("%+v", d), broken
	}
	return a
}

// each asks about images one by one but at the same time.
func each(images []*image, ask func(*image) answer) []answer {
	answers := make([]answer, len(images))
	var asking sync.WaitGroup
	for i, image := range images {
		asking.Go(func() { answers[i] = ask(image) })
	}
	asking.Wait()
	return answers
}

// impatient gives up soon, at times: that must not hurt anybody else.
func impatient(ctx context.Context, random *rand.Rand) (context.Context, context.CancelFunc) {
	if random.IntN(8) > 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(random.IntN(20))*time.Millisecond)
}

// server is the real binary.
type server struct {
	*servetest.Server

	client *http.Client
}

// serve starts the binary.
func (w *world) serve(t *testing.T) party {
	t.Helper()
	return w.serveWith(t, shortLived)
}

func (w *world) serveWith(t *testing.T, ratify string) *server {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if ca := w.registry.CA(); ca != nil {
		ratify = strings.TrimSuffix(ratify, "}") + fmt.Sprintf(`, registries: [{match: %q, ca_file: %s}]}`, w.registry.Host(), write("registry.pem", ca))
		ratify = strings.ReplaceAll(ratify, "{, ", "{")
	}
	data := must(json.Marshal(map[string]any{"trust": map[string]any{"release": w.trust}}))(t)
	s, err := servetest.Start(t.Context(), servetest.Options{Binary: binary, Dir: dir, Args: []string{
		"--config-file", write("config.yaml", []byte("plugins: {ratify: "+ratify+"}")),
		write("policy.rego", []byte(policy)), write("data.json", data),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return &server{s, must(s.Certificates.Client())(t)}
}

func (s *server) ask(ctx context.Context, random *rand.Rand, images []*image) []answer {
	ctx, cancel := impatient(ctx, random)
	defer cancel()
	if random.IntN(2) == 0 {
		return s.provider(ctx, images)
	}
	return each(images, func(i *image) answer { return s.data(ctx, i) })
}

// data asks OPA's own API.
func (s *server) data(ctx context.Context, i *image) answer {
	var body struct{ Result decision }
	if err := s.post(ctx, "/v1/data/trust", map[string]any{"input": map[string]any{"image": i.ref}}, &body); err != nil {
		return failed(ctx, i, err)
	}
	return body.Result.answer(i)
}

// provider asks as Gatekeeper does.
func (s *server) provider(ctx context.Context, images []*image) []answer {
	keys := map[string]*image{}
	for _, i := range images {
		keys[i.ref] = i
	}
	var body providerResponse
	err := s.post(ctx, "/ratify/gatekeeper/v1/verify", map[string]any{
		"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
		"request": map[string]any{"keys": slices.Collect(maps.Keys(keys))},
	}, &body)
	var answers []answer
	for key, i := range keys {
		if err != nil {
			answers = append(answers, failed(ctx, i, err))
			continue
		}
		answers = append(answers, body.answer(i, key))
	}
	return answers
}

type providerResponse struct {
	Response struct {
		Items []struct {
			Key   string `json:"key"`
			Error string `json:"error"`
			Value struct {
				IsSuccess bool     `json:"isSuccess"`
				Succeeded bool     `json:"succeeded"`
				Verdict   string   `json:"verdict"`
				Digest    string   `json:"digest"`
				Reasons   []string `json:"reasons"`
			} `json:"value"`
		} `json:"items"`
		SystemError string `json:"systemError"`
	} `json:"response"`
}

func (r providerResponse) answer(i *image, key string) answer {
	for _, item := range r.Response.Items {
		v := item.Value
		switch {
		case item.Key != key:
		case item.Error != "" || v.IsSuccess != v.Succeeded:
			return answer{i, broken, "", fmt.Sprintf("%+v", item)}
		default:
			return decision{v.IsSuccess, report{Verdict: v.Verdict, Digest: v.Digest}, v.Reasons}.answer(i)
		}
	}
	if e := r.Response.SystemError; !strings.Contains(e, key) && !strings.HasSuffix(e, " more") { // it is bounded
		return answer{i, broken, "", "neither an item nor named in the system error: " + r.Response.SystemError}
	}
	return answer{i, undecided, "", r.Response.SystemError}
}

func failed(ctx context.Context, i *image, err error) answer {
	if ctx.Err() != nil {
		return answer{image: i, verdict: cancelled}
	}
	return answer{i, broken, "", err.Error()}
}

func (s *server) post(ctx context.Context, path string, question, into any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// goroutines asks the server, without any connection but that of the question.
func (s *server) goroutines(t *testing.T) int {
	t.Helper()
	s.client.CloseIdleConnections()
	return int(s.metric(t, "go_goroutines"))
}

func (s *server) metric(t *testing.T, name string) float64 {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, s.Diagnostic+"/metrics", http.NoBody))(t)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if found, value, _ := strings.Cut(lines.Text(), " "); found == name {
			return must(strconv.ParseFloat(value, 64))(t)
		}
	}
	t.Fatalf("the server has no metric %s", name)
	return 0
}

// process is this process: the built-ins alone, under the race detector if the
// test is.
type process struct{ query rego.PreparedEvalQuery }

func (w *world) inProcess(t *testing.T) party {
	t.Helper()
	return w.newProcess(t)
}

func (w *world) newProcess(t *testing.T) process {
	t.Helper()
	query, err := rego.New(
		rego.Query("data.trust"), rego.Module("policy.rego", policy),
		rego.Store(inmem.NewFromObject(map[string]any{"trust": map[string]any{"release": w.trust}})),
	).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return process{query}
}

func (p process) ask(ctx context.Context, random *rand.Rand, images []*image) []answer {
	ctx, cancel := impatient(ctx, random)
	defer cancel()
	return p.patient(ctx, images)
}

func (p process) patient(ctx context.Context, images []*image) []answer {
	return each(images, func(i *image) answer {
		results, err := p.query.Eval(ctx, rego.EvalInput(map[string]any{"image": i.ref}))
		if err != nil {
			return failed(ctx, i, err)
		}
		var d decision
		raw, err := json.Marshal(results[0].Expressions[0].Value)
		if err == nil {
			err = json.Unmarshal(raw, &d)
		}
		if err != nil {
			return answer{i, broken, "", err.Error()}
		}
		return d.answer(i)
	})
}

func (process) goroutines(*testing.T) int { return runtime.NumGoroutine() }
