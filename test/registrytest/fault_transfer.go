// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Hang answers nothing until the client gives up or the registry is closed.
func Hang() Action {
	return Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			<-req.Context().Done()
			panic(http.ErrAbortHandler)
		})
	})
}

// Reset closes the connection (the stream, in HTTP/2) without an answer.
func Reset() Action {
	return Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		})
	})
}

// Delay answers d later than usual.
func Delay(d time.Duration) Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !wait(req, d) {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, req)
		})
	})
}

// Hold keeps requests until release is closed or the client gives up, then answers as
// usual. It makes concurrent requests meet without a clock.
func Hold(release <-chan struct{}) Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			select {
			case <-release:
				next.ServeHTTP(w, req)
			case <-req.Context().Done():
				panic(http.ErrAbortHandler)
			}
		})
	})
}

// SlowDrip sends the body in pieces of n bytes, one every interval.
func SlowDrip(n int, interval time.Duration) Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			a := capture(next, req)
			body := a.body
			a.body = nil
			a.send(w)
			for len(body) > 0 {
				piece := body[:min(max(n, 1), len(body))]
				body = body[len(piece):]
				if _, err := w.Write(piece); err != nil {
					return
				}
				if http.NewResponseController(w).Flush() != nil || !wait(req, interval) {
					panic(http.ErrAbortHandler)
				}
			}
		})
	})
}

// Disconnect declares the whole length, sends the first n bytes of the body and closes
// the connection.
func Disconnect(n int) Action {
	return Custom(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			a := capture(next, req)
			if a.header.Get("Content-Length") == "" {
				a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
			}
			a.body = a.body[:min(n, len(a.body))]
			a.send(w)
			_ = http.NewResponseController(w).Flush() // the client sees a cut either way
			panic(http.ErrAbortHandler)
		})
	})
}

// Oversize streams n bytes of what begins as a JSON object and never ends as one.
// declared is the Content-Length: negative for none (chunked). If it is larger than n
// the connection is closed after n bytes, if it is smaller only declared bytes are sent.
func Oversize(n, declared int64) Action {
	return Custom(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			kind, _, reference := parsePath(ServerRegistry, req.URL.Path)
			size := n
			w.Header().Set("Content-Type", contentType(kind))
			if kind != KindReferrers && strings.Contains(reference, ":") {
				w.Header().Set(headerDigest, reference)
			}
			if declared >= 0 {
				w.Header().Set("Content-Length", strconv.FormatInt(declared, 10))
				size = min(n, declared)
			}
			w.WriteHeader(http.StatusOK)
			if declared < 0 {
				// Unflushed, net/http would count short bodies and declare their length.
				_ = http.NewResponseController(w).Flush()
			}
			body := io.MultiReader(strings.NewReader(`{"schemaVersion":2,"padding":"`), endless{})
			_, _ = io.CopyN(w, body, size) // a client that stops reading is what the test wants
		})
	})
}

func contentType(kind Kind) string {
	switch kind {
	case KindManifest:
		return ocispec.MediaTypeImageManifest
	case KindReferrers:
		return ocispec.MediaTypeImageIndex
	case KindToken:
		return "application/json"
	default:
		return octetStream
	}
}

// endless is a file of the letter x without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
