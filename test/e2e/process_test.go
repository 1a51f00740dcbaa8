// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/opa-ratify/opa-ratify/test/servetest"
)

// process is one program of the cluster, which ends with the test.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has
}

// start runs a program until the test ends or stop is called.
func (w *world) start(t *testing.T, name, program string, env []string, args ...string) *process {
	t.Helper()
	p := w.launch(t, name, program, env, args...)
	t.Cleanup(p.stop)
	return p
}

// launch runs a program until stop is called. What it prints is in <name>.log.
func (w *world) launch(t *testing.T, name, program string, env []string, args ...string) *process {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(w.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	fatal(t, err)
	defer log.Close() // the process has its own
	cmd := exec.Command(w.tools.path(program), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w.dir, append(os.Environ(), env...), log, log, servetest.Child()
	fatal(t, cmd.Start())
	return watched(name, cmd)
}

// watched is a process that was started.
func watched(name string, cmd *exec.Cmd) *process {
	p := &process{name: name, cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // a signal ends it; what else does is in its log
	}()
	return p
}

// stop ends the program, by force if it takes its time.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // these fail if it has ended, which is fine
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// kill ends the program at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	fatal(t, p.cmd.Process.Signal(s))
}

// answers polls a URL until it says 200, or the process is gone.
func (p *process) answers(t *testing.T, client *http.Client, url string) {
	t.Helper()
	eventually(t, time.Minute, p.name+" to be ready", func() error {
		select {
		case <-p.exited:
			t.Fatalf("%s ended at once; see %s.log", p.name, p.name)
		default:
		}
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	})
}

// eventually asks every 100 ms whether what is awaited has come, and fails with the
// last reason why not.
func eventually(t *testing.T, within time.Duration, what string, met func() error) {
	t.Helper()
	deadline, tick := time.NewTimer(within), time.NewTicker(100*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("wait for %s: %v; %v", what, t.Context().Err(), err)
		case <-deadline.C:
			t.Fatalf("wait for %s: not within %v: %v", what, within, err)
		case <-tick.C:
		}
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func absolute(t *testing.T, elements ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(elements...))
	fatal(t, err)
	return path
}
