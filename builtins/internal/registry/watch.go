// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// errStalled is wrapped by the error of a request that was cut for being too slow.
var errStalled = errors.New("cut")

// minRate of a body, in bytes per second. Threat: an answer that trickles holds a
// place and a caller for as long as it likes.
const minRate = 1 << 10

// watch cuts one request that gets no answer in time, or a body too slowly. Its
// zero times mean that nothing has begun.
type watch struct {
	cut    context.CancelCauseFunc
	header time.Duration // for the header, from when it was asked for
	stall  time.Duration // in which minRate has to be met

	mu    sync.Mutex
	timer *time.Timer
	round int       // how often it was set
	heard time.Time // when the last byte came, or the question was sent
	bytes int64     // of the body since the last look
}

func newWatch(ctx context.Context, header, stall time.Duration) (context.Context, *watch) {
	ctx, cut := context.WithCancelCause(ctx)
	return ctx, &watch{cut: cut, header: header, stall: stall, heard: heardNow()}
}

// asked begins the wait for a header.
func (w *watch) asked() {
	w.set(w.header, func() error { return fmt.Errorf("%w: no answer within %v", errStalled, w.header) })
}

// answered begins the watch over a body.
func (w *watch) answered(body io.ReadCloser) io.ReadCloser {
	w.set(w.stall, w.pace)
	return &watched{ReadCloser: body, watch: w}
}

// set makes look be asked every d what is wrong, until the next set.
func (w *watch) set(d time.Duration, look func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.round++
	w.heard, w.bytes = heardNow(), 0
	round := w.round
	w.timer = time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.round != round {
			return // it ran out just as it was set anew
		}
		if err := look(); err != nil {
			w.cut(err)
			return
		}
		w.timer.Reset(d)
	})
}

// pace is the error of a body that has not kept the pace since the last look.
func (w *watch) pace() error {
	if float64(w.bytes) < minRate*w.stall.Seconds() {
		return fmt.Errorf("%w: %d bytes of the body came in %v", errStalled, w.bytes, w.stall)
	}
	w.bytes = 0
	return nil
}

// end stops watching and returns for how long nothing has been heard.
func (w *watch) end() (silence time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round++
	if w.timer != nil {
		w.timer.Stop()
	}
	return time.Since(w.heard)
}

// close ends the request.
func (w *watch) close() {
	w.end()
	w.cut(context.Canceled)
}

// watched is a body that tells its watch what came.
type watched struct {
	io.ReadCloser

	watch *watch
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.mu.Lock()
		defer b.watch.mu.Unlock()
		b.watch.bytes += int64(n)
		b.watch.heard = heardNow()
	}
	return n, err
}

// Close ends the watch: what follows is not the body's time.
func (b *watched) Close() error {
	b.watch.end()
	return b.ReadCloser.Close()
}

// heardNow is the time that silence is measured with.
func heardNow() time.Time { return time.Now() } //nolint:forbidigo // a duration, not a date
