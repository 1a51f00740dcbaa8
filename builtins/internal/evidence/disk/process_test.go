// SPDX-License-Identifier: Apache-2.0

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/opa-ratify/opa-ratify/builtins/internal/evidence/disk"
)

// The environment of child processes: which directory, and what to do there.
const (
	childDir  = "DISK_TEST_DIR"
	childTask = "DISK_TEST_TASK"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	tasks := map[string]func(string) error{"write": writeForEver, "share": share}
	if err := tasks[os.Getenv(childTask)](dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child runs this test binary again, on a task.
func child(tb testing.TB, task, dir string) *exec.Cmd {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childTask+"="+task)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd
}

// numbered are contents of many sizes, most of them larger than a page.
func numbered(i int) string { return strings.Repeat(fmt.Sprintf("%d.", i), 1+i*37%5000) }

const numbers = 500

// writeForEver writes until it is killed.
func writeForEver(dir string) error {
	stored := newEvents()
	d, err := disk.Open(disk.Options{Dir: dir, MaxEntries: numbers / 2, Observe: stored.observe})
	if err != nil {
		return err
	}
	for i := 0; ; i = (i + 1) % numbers {
		before, more := stored.count(disk.Stored)
		d.Put(key, digest.FromString(numbered(i)), []byte(numbered(i)))
		if i%20 == 19 && before > 0 {
			<-more // let the writer follow
		}
	}
}

func TestDirectorySurvivesKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 5 {
		cmd := child(t, "write", dir)
		waitForFiles(t, dir, 20*(round+1))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // "signal: killed"
		e := newEvents()
		d := open(t, disk.Options{Dir: dir, Observe: e.observe})
		for i := range numbers {
			b, ok := d.Get(t.Context(), key, digest.FromString(numbered(i)), int64(len(numbered(i))))
			if ok && string(b) != numbered(i) {
				t.Fatalf("content %d is wrong", i)
			}
		}
		if hits, _ := e.count(disk.Hit); hits == 0 {
			t.Error("nothing survived")
		}
		e.want(t, disk.Corrupt, 0) // what is renamed is whole
		closeDirectory(t, d)
	}
	later := func() time.Time { return time.Now().Add(2 * disk.StaleAfter) }
	closeDirectory(t, open(t, disk.Options{Dir: dir, Now: later}))
	for _, path := range files(t, dir) {
		if strings.HasPrefix(path, "incoming") {
			t.Errorf("left behind: %s", path)
		}
	}
}

func waitForFiles(tb testing.TB, dir string, n int) {
	tb.Helper()
	timeout, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(existing(dir)) < n {
		select {
		case <-tick.C:
		case <-timeout:
			tb.Fatalf("fewer than %d files were written", n)
		}
	}
}

// existing are the files of a directory in which others write and remove.
func existing(dir string) []string {
	var paths []string
	for first := range 256 {
		entries, err := os.ReadDir(fmt.Sprintf("%s/sha256/%02x", dir, first))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			paths = append(paths, entry.Name())
		}
	}
	return paths
}

const sharedBytes = 64 * disk.BlockBytes

// share reads and writes beside others, in a directory that is far too small.
func share(dir string) (err error) {
	d, err := disk.Open(disk.Options{Dir: dir, MaxBytes: sharedBytes, Warn: func(w error) { err = errors.Join(err, w) }})
	if err != nil {
		return err
	}
	hits := 0
	for round := range 20 {
		for i := range numbers {
			want := numbered((i * (round%3 + 1)) % numbers)
			b, ok := d.Get(context.Background(), key, digest.FromString(want), int64(len(want)))
			if ok && string(b) != want {
				return fmt.Errorf("content %d is wrong", i)
			}
			if ok {
				hits++
			} else {
				d.Put(key, digest.FromString(want), []byte(want))
			}
		}
	}
	if hits == 0 {
		return errors.New("not one hit")
	}
	return ended(d)
}

// ended closes a directory and waits until its writer has ended, however busy
// the machine is.
func ended(d *disk.Directory) error {
	timeout, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		err := d.Close()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-timeout:
			return err
		}
	}
}

func TestProcessesShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var children []*exec.Cmd
	for range 3 {
		children = append(children, child(t, "share", dir))
	}
	if err := share(dir); err != nil {
		t.Error(err)
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	closeDirectory(t, open(t, disk.Options{Dir: dir, MaxBytes: sharedBytes}))
	var total int64
	for _, path := range files(t, dir) {
		info, err := os.Stat(dir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		total += (info.Size() + disk.BlockBytes - 1) / disk.BlockBytes * disk.BlockBytes
	}
	if total == 0 || total > sharedBytes {
		t.Errorf("%d bytes on disk, want at most %d", total, sharedBytes)
	}
}
