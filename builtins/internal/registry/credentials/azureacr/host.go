// SPDX-License-Identifier: Apache-2.0

package azureacr

import (
	"regexp"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
)

// loginServer is the host of a registry: its name, with a hash if the name is scoped
// to a tenant or group, and a region for a regional endpoint. Data endpoints
// (NAME.REGION.data.azurecr.io) are where blobs are redirected to, and get no
// credential.
//
// Spec: Azure Container Registry, "Registry name", "Domain name label scope",
// "Regional endpoints".
var loginServer = regexp.MustCompile(`^[a-z0-9]{5,50}(?:-[a-z0-9]{1,32})?(?:\.[a-z][a-z0-9]{2,30}\.geo)?\.azurecr\.(io|us|cn)$`)

// IsRegistry reports whether a canonical host is a registry of Azure.
func IsRegistry(host string) bool { return loginServer.MatchString(host) }

// cloudOf returns the cloud whose registry host is; false if it is none.
func cloudOf(host string) (entra.Cloud, bool) {
	m := loginServer.FindStringSubmatch(host)
	if m == nil {
		return "", false
	}
	switch m[1] {
	case "us":
		return entra.USGovernment, true
	case "cn":
		return entra.China, true
	default:
		return entra.Public, true
	}
}
