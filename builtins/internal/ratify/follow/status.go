// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"
	"strings"
	"time"

	"github.com/opa-ratify/opa-ratify/builtins/internal/keys"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/standing"
	"github.com/opa-ratify/opa-ratify/builtins/internal/ratify/translate"
)

// The fields of a status, as Ratify's resources have them.
//
// Spec: Ratify v1.4, api/v1beta1.
const (
	fieldSuccess    = "issuccess"
	fieldError      = "error"
	fieldBrief      = "brieferror"
	fieldFetched    = "lastfetchedtime"
	fieldProperties = "properties"
	fieldRefreshed  = "LastRefreshed"
)

const (
	maxBrief = 100 // characters, as Ratify has it
	maxError = 4096
)

// The codes of Ratify that errors begin with, besides that of the translation.
const (
	invalid     = "CONFIG_INVALID: "
	unfetchable = "KEY_MANAGEMENT_PROVIDER_FAILURE: "
)

// status says how a resource is; absent fields are empty. It reports false if that
// is not known yet.
func (f *Follower) status(v standing.Verdict) (map[string]any, bool) {
	s := map[string]any{fieldSuccess: true}
	switch {
	case v.Error != "":
		fault(s, coded(v.Error))
	case v.Told != "":
		s[fieldError] = clipped(v.Told, maxError)
	}
	if v.Provider == "" || v.Error != "" {
		return s, true
	}
	p, found := f.Host.Keys(v.Provider)
	if !found || errors.Is(p.Status.Err, keys.ErrPending) {
		return nil, false
	}
	if p.Status.Err != nil {
		fault(s, unfetchable+p.Status.Err.Error())
	}
	if !p.Status.Since.IsZero() {
		s[fieldFetched] = stamp(p.Status.Since)
	}
	if properties := properties(p.Keys); len(properties) > 0 {
		s[fieldProperties] = properties
	}
	return s, true
}

func fault(s map[string]any, message string) {
	s[fieldSuccess] = false
	s[fieldError], s[fieldBrief] = clipped(message, maxError), clipped(message, maxBrief)
}

func coded(message string) string {
	if strings.HasPrefix(message, translate.PluginNotFound) {
		return message
	}
	return invalid + message
}

// properties are the keys of a provider, as Ratify prints them.
func properties(held []keys.Held) map[string]any {
	all := map[string]any{}
	for _, h := range held {
		list := "Keys"
		if h.Certificate {
			list = "Certificates"
		}
		entries, _ := all[list].([]any) // none yet
		all[list] = append(entries, map[string]any{"Name": h.Name, "Version": h.Version, "Enabled": h.Enabled, fieldRefreshed: stamp(h.Seen)})
	}
	return all
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clipped returns the first characters of a text.
func clipped(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// timeless is the part of a status that says how a resource is and not since when.
func timeless(s map[string]any) map[string]any {
	kept := map[string]any{}
	for _, field := range []string{fieldSuccess, fieldError, fieldBrief} {
		if v := s[field]; v != nil && v != "" {
			kept[field] = v
		}
	}
	lists, _ := s[fieldProperties].(map[string]any)
	for name, list := range lists {
		entries, _ := list.([]any)
		for _, entry := range entries {
			e, _ := entry.(map[string]any)
			known, _ := kept[name].([]any)
			kept[name] = append(known, []any{e["Name"], e["Version"], e["Enabled"]})
		}
	}
	return kept
}

// fetched is when the keys of a status were fetched; zero if it does not say so.
func fetched(s map[string]any) time.Time {
	text, _ := s[fieldFetched].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
