// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/opa-ratify/opa-ratify/builtins/internal/cloud/entra"
)

// vault is where keys are, and what tokens are asked for it.
type vault struct {
	host     string
	resource string // audience of tokens
	cloud    entra.Cloud
	hsm      bool // Managed HSM, which has keys only
}

// vaultHost is a vault's name and the domain of its service.
//
// Spec: Azure Key Vault, "Vault name and Object name", "DNS suffixes for object
// identifiers".
var vaultHost = regexp.MustCompile(`^[a-z][a-z0-9-]{1,22}[a-z0-9]\.(vault|managedhsm)\.(azure\.net|usgovcloudapi\.net|azure\.cn)$`)

// parseVault takes the URL of a vault apart. The token is sent to that host alone,
// so it is one of the service's by an anchored grammar.
func parseVault(address string) (vault, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return vault{}, errors.New("is not the URL of a vault, as https://NAME.vault.azure.net")
	}
	m := vaultHost.FindStringSubmatch(strings.ToLower(u.Host))
	if m == nil {
		return vault{}, errors.New("is no host of Azure Key Vault; write https://NAME.vault.azure.net, .vault.usgovcloudapi.net, .vault.azure.cn or a managed HSM's")
	}
	v := vault{host: m[0], resource: "https://" + m[1] + "." + m[2], hsm: m[1] == "managedhsm"}
	switch m[2] {
	case "usgovcloudapi.net":
		v.cloud = entra.USGovernment
	case "azure.cn":
		v.cloud = entra.China
	default:
		v.cloud = entra.Public
	}
	return v, nil
}
