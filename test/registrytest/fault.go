// SPDX-License-Identifier: Apache-2.0

package registrytest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
)

// Fault is what goes wrong with which requests. The zero value of a matching field
// matches everything.
type Fault struct {
	Server    Server // of the requests; "" for all servers
	Method    string
	Kind      Kind
	Repo      string
	Reference string // tag or digest as it stands in the path

	// Skip is how many matching requests pass unharmed first. Zero: none.
	Skip int
	// Times is how many matching requests are hit, after Skip. Zero: all.
	Times int
	// Probability that a matching request is hit, 0 < p < 1. Zero: all are.
	Probability float64
	// Seed of the random numbers that Probability is decided by.
	Seed uint64
	// BeforeAuth hits also requests that lack the registry's credentials. False:
	// those get the usual 401 and do not count as matching.
	BeforeAuth bool

	// Action is what happens. Required.
	Action Action
}

// Action is what a fault does to a request. Its functions make them: [Status], [Hang],
// [FlipByte] and so on; [Custom] makes others.
type Action struct {
	wrap       func(next http.Handler) http.Handler
	beforeAuth bool
}

// Custom is an action that answers in place of next, or alters what next answers.
func Custom(wrap func(next http.Handler) http.Handler) Action {
	return Action{wrap: wrap}
}

// Inject makes a fault apply to the requests that follow, until remove is called. Of
// several faults that match, the one injected first is outermost.
func (r *Registry) Inject(f Fault) (remove func()) {
	f.BeforeAuth = f.BeforeAuth || f.Action.beforeAuth
	injected := &injectedFault{
		Fault:  f,
		random: rand.New(rand.NewPCG(f.Seed, f.Seed)), // reproducible on purpose
	}
	r.faults.mu.Lock()
	defer r.faults.mu.Unlock()
	r.faults.injected = append(r.faults.injected, injected)
	return func() {
		r.faults.mu.Lock()
		defer r.faults.mu.Unlock()
		r.faults.injected = slices.DeleteFunc(r.faults.injected, func(f *injectedFault) bool { return f == injected })
	}
}

type faultList struct {
	mu       sync.Mutex
	injected []*injectedFault // mu guards their counters and random numbers, too
}

type injectedFault struct {
	Fault
	seen   int // matching requests so far
	random *rand.Rand
}

// around applies the faults that match a request to the handler of server.
func (l *faultList) around(r *Registry, server Server, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		challenged := server == ServerRegistry && r.challenge(req) != ""
		h := next
		for _, action := range slices.Backward(l.hits(server, req, challenged)) {
			h = action.wrap(h)
		}
		h.ServeHTTP(w, req)
	})
}

// hits are the actions on one request.
func (l *faultList) hits(server Server, req *http.Request, challenged bool) []Action {
	request := parseRequest(server, req)
	l.mu.Lock()
	defer l.mu.Unlock()
	var actions []Action
	for _, f := range l.injected {
		if (!challenged || f.BeforeAuth) && f.matches(request) && f.strikes() {
			actions = append(actions, f.Action)
		}
	}
	return actions
}

func (f *injectedFault) matches(r *Request) bool {
	return (f.Server == "" || f.Server == r.Server) &&
		(f.Method == "" || f.Method == r.Method) &&
		(f.Kind == "" || f.Kind == r.Kind) &&
		(f.Repo == "" || f.Repo == r.Repo) &&
		(f.Reference == "" || f.Reference == r.Reference)
}

// strikes counts a matching request and decides whether it is hit.
func (f *injectedFault) strikes() bool {
	f.seen++
	if f.seen <= f.Skip || (f.Times > 0 && f.seen > f.Skip+f.Times) {
		return false
	}
	return f.Probability == 0 || f.random.Float64() < f.Probability
}
