// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// post is the command `post SOCKET PATH FILE`: it sends FILE (with variables
// expanded) to a server on a unix socket, waiting until that is there, and
// prints the answer.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: post SOCKET PATH FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := ts.Stdout().Write(send(ctx, ts, args[0], args[1], args[2]))
	ts.Check(err)
}

// postUntil is the command `post-until REGEXP SOCKET PATH FILE`: it posts until the
// answer matches.
func postUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: post-until REGEXP SOCKET PATH FILE")
	}
	until(ts, args[0], func(ctx context.Context) []byte { return send(ctx, ts, args[1], args[2], args[3]) })
}

// getUntil is the command `get-until REGEXP SOCKET PATH`: it asks until the answer, its
// status before its body, matches.
func getUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: get-until REGEXP SOCKET PATH")
	}
	until(ts, args[0], func(ctx context.Context) []byte {
		status, answer := ask(ctx, ts, http.MethodGet, args[1], args[2], "")
		return fmt.Appendf(nil, "%d %s", status, answer)
	})
}

// until prints the first answer that matches.
func until(ts *testscript.TestScript, pattern string, next func(context.Context) []byte) {
	wanted, err := regexp.Compile(pattern)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		answer := next(ctx)
		if wanted.Match(answer) {
			_, err := ts.Stdout().Write(answer)
			ts.Check(err)
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("the answer stays %s", answer)
		case <-tick.C:
		}
	}
}

func send(ctx context.Context, ts *testscript.TestScript, socket, path, file string) []byte {
	body := strings.ReplaceAll(ts.ReadFile(file), "$REGISTRY", ts.Getenv("REGISTRY"))
	_, answer := ask(ctx, ts, http.MethodPost, socket, path, body)
	return answer
}

func ask(ctx context.Context, ts *testscript.TestScript, method, socket, path, body string) (status int, answer []byte) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, ts.MkAbs(socket)) },
	}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://socket"+path, strings.NewReader(body))
	ts.Check(err)
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	ts.Check(err)
	return resp.StatusCode, append(bytes.TrimSpace(answer), '\n')
}

// dial waits for the socket to be served.
func dial(ctx context.Context, socket string) (net.Conn, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}
