// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"bytes"
	"context"
	"errors"
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
	_, err := ts.Stdout().Write(ask(ctx, ts, args[0], args[1], args[2]))
	ts.Check(err)
}

// postUntil is the command `post-until REGEXP SOCKET PATH FILE`: it posts until the
// answer matches.
func postUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: post-until REGEXP SOCKET PATH FILE")
	}
	wanted, err := regexp.Compile(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		answer := ask(ctx, ts, args[1], args[2], args[3])
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

func ask(ctx context.Context, ts *testscript.TestScript, socket, path, file string) []byte {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, ts.MkAbs(socket)) },
	}}
	defer client.CloseIdleConnections()
	body := strings.ReplaceAll(ts.ReadFile(file), "$REGISTRY", ts.Getenv("REGISTRY"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://socket"+path, strings.NewReader(body))
	ts.Check(err)
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	ts.Check(err)
	return append(bytes.TrimSpace(answer), '\n')
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
