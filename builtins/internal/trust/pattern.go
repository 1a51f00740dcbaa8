// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"regexp"
	"strings"
)

// strangers are identities nobody means to trust. A pattern that accepts one of
// them accepts people its author never heard of.
func strangers(claim string) []string {
	if claim == ClaimIssuer {
		return []string{"", "x", "https://stranger.invalid", "https://accounts.stranger.invalid/oauth2/v1", "https://stranger.invalid/token.actions.githubusercontent.com"}
	}
	return []string{
		"", "x", "stranger", "stranger@stranger.invalid", "stranger@gmail.com", "stranger!stranger.invalid",
		"https://stranger.invalid/",
		"https://stranger.invalid/stranger/stranger/.github/workflows/stranger.yml@refs/heads/stranger",
		"https://github.com/stranger-17/stranger/.github/workflows/stranger.yml@refs/heads/stranger",
		"https://gitlab.com/stranger-17/stranger//.gitlab-ci.yml@refs/heads/stranger",
		"spiffe://stranger.invalid/ns/stranger/sa/stranger",
		"https://kubernetes.io/namespaces/stranger/serviceaccounts/stranger",
	}
}

// compilePattern compiles a pattern that must match the whole claim, and refuses
// one that strangers would pass.
//
// The threats: cosign and others search unanchored, so that
// "https://github.com/acme/app" also matches in the middle of a stranger's
// subject; and an unescaped dot in a host is any character.
func compilePattern(pattern, claim string, mayBeWide bool) (re *regexp.Regexp, problem, remedy string) {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, fmt.Sprintf("%q is not a pattern (RE2): %v", pattern, err), ""
	}
	if _, err := regexp.Compile(pattern); err != nil { // "a)|(?:.*" closes our own group
		return nil, fmt.Sprintf("%q is not a pattern (RE2): %v", pattern, err), ""
	}
	if host, loose := looseHost(pattern); loose {
		return nil, fmt.Sprintf("in the host of %q an unescaped dot stands for any character (%s)", pattern, host), `write \. (in JSON "\\.")`
	}
	if mayBeWide {
		return re, "", ""
	}
	for _, stranger := range strangers(claim) {
		if re.MatchString(stranger) {
			return nil, fmt.Sprintf("the pattern %q accepts anyone, %q for example", pattern, stranger), "say whom to trust: " + writeIdentity
		}
	}
	return re, "", ""
}

// looseHost finds an unescaped dot in the part of a pattern that is the host of
// a URL, or the domain of an e-mail address.
func looseHost(pattern string) (host string, loose bool) {
	for rest := pattern; ; {
		_, after, found := strings.Cut(rest, "://")
		if !found {
			break
		}
		host, _, _ = strings.Cut(after, "/")
		if hasBareDot(host) {
			return host, true
		}
		rest = after
	}
	if strings.Contains(pattern, "://") {
		return "", false
	}
	if at := strings.LastIndex(pattern, "@"); at >= 0 && hasBareDot(pattern[at+1:]) {
		return pattern[at+1:], true
	}
	return "", false
}

func hasBareDot(s string) bool {
	class := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '[':
			class = true
		case s[i] == ']':
			class = false
		case s[i] == '.' && !class:
			return true
		}
	}
	return false
}
