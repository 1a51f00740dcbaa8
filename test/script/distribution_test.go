// SPDX-License-Identifier: Apache-2.0

package script_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/opa-ratify/opa-ratify/test/distributiontest"
)

// distributionKey finds a script's distribution among its values.
type distributionKey struct{}

// distribution is what `distribution token` or `distribution basic` started.
type distribution struct {
	*distributiontest.Registry

	counted int // tokens
}

// accounts of the real registry: writer may do everything, reader pull from app alone.
func accounts() map[string]distributiontest.Account {
	return map[string]distributiontest.Account{
		"writer": {Password: "write", Access: map[string][]string{"*": {"pull", "push"}}},
		"reader": {Password: "read", Access: map[string][]string{"app": {"pull"}}},
	}
}

// distributionCommand is the command
//
//	distribution token|basic      start a real registry; $REGISTRY is its host and port
//	distribution olareg           likewise another, for everybody and with the Referrers API
//	distribution push REPO:TAG    push a small image to it as writer; $DIGEST is its digest
//	distribution life SECONDS     from now on tokens expire then
//	distribution tokens N|any     N tokens were issued since this was asked last
//	distribution renewed REGEXP SOCKET PATH FILE
//	                              post until a second token was issued; all answers must match
func distributionCommand(ts *testscript.TestScript, neg bool, args []string) {
	d, ok := ts.Value(distributionKey{}).(*distribution)
	if !ok || neg || len(args) == 0 {
		ts.Fatalf("usage: distribution token|basic|olareg|push|life|tokens …")
	}
	switch started := d.Registry != nil; {
	case !started && len(args) == 1 && slices.Contains([]string{"token", "basic", "olareg"}, args[0]):
		d.start(ts, args[0])
	case started && len(args) == 2 && args[0] == "push":
		repository, tag, _ := strings.Cut(args[1], ":")
		image, err := d.PushImage(context.Background(), "writer", accounts()["writer"].Password, repository, tag)
		ts.Check(err)
		ts.Setenv("DIGEST", image.Digest.String())
	case started && len(args) == 2 && args[0] == "life":
		d.Tokens.SetLife(time.Duration(number(ts, args[1])) * time.Second)
	case started && len(args) == 2 && args[0] == "tokens":
		issued := d.Tokens.Issued()
		if got := issued - d.counted; args[1] != "any" && got != number(ts, args[1]) {
			ts.Fatalf("%d tokens were issued, want %s", got, args[1])
		}
		d.counted = issued
	case started && len(args) == 5 && args[0] == "renewed":
		d.renewed(ts, regexp.MustCompile(args[1]), args[2], args[3], args[4])
	default:
		ts.Fatalf("distribution %q: no such command, or not now", args)
	}
}

func (d *distribution) start(ts *testscript.TestScript, auth string) {
	dir := ts.MkAbs("distribution")
	ts.Check(os.MkdirAll(dir, 0o700))
	start := func() (*distributiontest.Registry, error) {
		return distributiontest.Start(distributiontest.Options{
			Dir: dir, Accounts: accounts(), Basic: auth == "basic", Token: auth == "token",
		})
	}
	if auth == "olareg" {
		start = distributiontest.StartOlareg
	}
	started, err := start()
	ts.Check(err)
	ts.Defer(started.Stop)
	d.Registry = started
	ts.Setenv("REGISTRY", started.Host)
	if started.Tokens != nil {
		ts.Setenv("TOKENS", started.Tokens.Host)
	}
}

func (d *distribution) renewed(ts *testscript.TestScript, wanted *regexp.Regexp, socket, path, file string) {
	before := d.Tokens.Issued()
	until(ts, "^renewed", func(ctx context.Context) []byte {
		if answer := send(ctx, ts, socket, path, file); !wanted.Match(answer) {
			ts.Fatalf("before the second token: %s", answer)
		}
		if d.Tokens.Issued() < before+2 {
			return []byte("not renewed\n")
		}
		return []byte("renewed\n")
	})
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}
