// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Cloud is one of Azure's clouds, written as the host of its authority.
type Cloud string

// The clouds.
const (
	Public       Cloud = "login.microsoftonline.com"
	USGovernment Cloud = "login.microsoftonline.us"
	China        Cloud = "login.chinacloudapi.cn"
)

// String names the cloud as messages do.
func (c Cloud) String() string {
	switch c {
	case USGovernment:
		return "Azure US Government"
	case China:
		return "Azure China"
	default:
		return "Azure public cloud"
	}
}

// authorities lists the hosts of a cloud's authority, its own first.
func (c Cloud) authorities() []string {
	switch c {
	case USGovernment:
		return []string{string(c)}
	case China:
		return []string{string(c), "login.partner.microsoftonline.cn"}
	default:
		return []string{string(c), "login.windows.net", "login.microsoft.com", "sts.windows.net"}
	}
}

// cloudOf returns the cloud of an authority; false if it is none we know: a private
// one, of which nothing can be said.
func cloudOf(authority string) (Cloud, bool) {
	for _, c := range []Cloud{Public, USGovernment, China} {
		if slices.Contains(c.authorities(), authority) {
			return c, true
		}
	}
	return "", false
}

// parseAuthority returns the host[:port] of an authority's URL.
func parseAuthority(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", errors.New("is not an https URL with nothing but a host, as https://login.microsoftonline.com/")
	}
	return strings.ToLower(u.Host), nil
}
