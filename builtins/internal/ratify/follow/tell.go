// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
)

// written is what this process wrote about a resource.
type written struct {
	uid, status string
	fetched     time.Time
}

// says reports what was written of a resource that is still there.
func (w written) says(uid, status string) bool { return w.uid == uid && w.status == status }

// tell writes the status of each resource, if that says something new. What
// somebody else wrote since is left alone until the next resync: replicas that do
// not agree must not argue. A change ends it, for deciding comes first, and what is
// left is written afterwards: many statuses must not delay a decision.
func (f *Follower) tell(ctx context.Context) {
	for k, v := range f.verdicts {
		if len(f.changed) > 0 {
			return
		}
		f.mu.Lock()
		there, known := f.seen[k]
		f.mu.Unlock()
		next, ready := f.status(v)
		if !known || !ready || ctx.Err() != nil {
			continue
		}
		says := text(timeless(next))
		agreed := says == text(timeless(there.status))
		if (agreed || f.written[k].says(there.uid, says)) && !f.due(k, v, there, next) {
			continue
		}
		if err := f.write(ctx, k, there, next); err != nil {
			f.Host.Warn(err)
			continue
		}
		f.written[k] = written{there.uid, says, fetched(next)}
		if !agreed {
			f.event(ctx, k, there.uid, next)
		}
	}
	maps.DeleteFunc(f.written, func(k standing.Key, _ written) bool { _, there := f.verdicts[k]; return !there })
}

// due reports that keys were fetched so much later than a status says that it is
// worth writing: replicas fetch one after the other.
func (f *Follower) due(k standing.Key, v standing.Verdict, there seen, next map[string]any) bool {
	if v.Provider == "" || next[fieldFetched] == nil {
		return false
	}
	last := fetched(there.status)
	if w := f.written[k]; w.uid == there.uid && w.fetched.After(last) {
		last = w.fetched
	}
	p, found := f.Host.Keys(v.Provider)
	return found && fetched(next).Sub(last) >= p.Interval/2
}

// write patches a status: fields that say nothing any more are removed.
func (f *Follower) write(ctx context.Context, k standing.Key, there seen, next map[string]any) error {
	patch := maps.Clone(next)
	for _, field := range []string{fieldError, fieldBrief, fieldProperties} {
		if _, says := next[field]; !says && there.status[field] != nil {
			patch[field] = nil
		}
	}
	if patch[fieldFetched] == nil && fetches(k) {
		patch[fieldFetched] = stamp(f.Now())
	}
	return f.Client.SetStatus(ctx, k, patch)
}

// fetches reports kinds whose status has a time.
func fetches(k standing.Key) bool {
	return k.Kind == "CertificateStore" || strings.HasSuffix(k.Kind, "KeyManagementProvider")
}

// event tells those who look at events of what is wrong.
func (f *Follower) event(ctx context.Context, k standing.Key, uid string, status map[string]any) {
	message, _ := status[fieldError].(string)
	if status[fieldSuccess] == true || message == "" {
		return
	}
	if err := f.Client.Warn(ctx, k, uid, message); err != nil {
		f.Host.Warn(err)
	}
}

// text is for comparison: keys in order, numbers of all types alike.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error() // of JSON values, which this is
	}
	return string(raw)
}
