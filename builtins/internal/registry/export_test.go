// SPDX-License-Identifier: Apache-2.0

package registry

import "time"

// The parsers of what registries answer, for fuzzing.
var (
	ParseIndex = parseIndex
	NextPage   = nextPage
)

// Inspect returns the media type and the artifact type of a manifest.
func Inspect(body []byte, contentType, want string) (mediaType, artifactType string, err error) {
	s, err := inspect(body, contentType, want)
	return s.mediaType, s.artifactType, err
}

// MatchRule returns the Match of the rule that counts for host.
func (c *Client) MatchRule(host string) string { return match(c.rules, host).Match }

// BaseURL returns where a canonical host is reached.
func (c *Client) BaseURL(name string) (string, error) {
	h, err := c.host(name)
	if err != nil {
		return "", err
	}
	return h.base.String(), nil
}

// WaitToMeet makes a burst wait for the first request as long as that takes.
func (c *Client) WaitToMeet() { c.maxMeeting = time.Hour }
