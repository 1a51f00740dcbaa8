// SPDX-License-Identifier: Apache-2.0

package azurekeyvault

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The versions that name more than one of the service's own.
const (
	Latest = "latest" // the current version, whether or not it is enabled
	All    = "all"    // every version; needs the permission to list
)

// Object is a certificate or a key.
type Object struct {
	// Name in the vault. Required, unique in the provider.
	Name string
	// Versions to fetch: the service's own, or the identifier of one
	// ("https://VAULT/keys/NAME/VERSION"), or [Latest] or [All] alone. Empty: Latest.
	Versions []string
}

// kind is how the service files objects.
type kind string

const (
	secrets kind = "secrets" // the chain of a certificate is in one
	keyKind kind = "keys"
)

// object is an [Object], checked.
type object struct {
	kind     kind
	name     string
	versions []string // nil: latest or all
	all      bool
}

// Spec: Azure Key Vault, "Object identifiers and versioning".
var (
	objectName    = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	objectVersion = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)
)

// parseObjects checks certificates and keys; the error names every problem.
func parseObjects(v vault, o Options) ([]object, error) {
	var all []object
	var errs []error
	if v.hsm && len(o.Certificates) > 0 {
		errs = append(errs, errors.New("certificates: a managed HSM has keys only"))
	}
	for _, list := range []struct {
		setting string
		kind    kind
		objects []Object
	}{{"certificates", secrets, o.Certificates}, {"keys", keyKind, o.Keys}} {
		for i, configured := range list.objects {
			parsed, err := parseObject(v, list.kind, configured)
			switch {
			case err != nil:
				errs = append(errs, fmt.Errorf("%s[%d]: %w", list.setting, i, err))
			case slices.ContainsFunc(all, func(o object) bool { return o.name == parsed.name }):
				errs = append(errs, fmt.Errorf("%s[%d]: the name %q is there already; list versions under one name, and give a certificate and a key of one name two providers", list.setting, i, parsed.name))
			}
			all = append(all, parsed)
		}
	}
	if len(all) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("neither certificates nor keys are listed"))
	}
	return all, errors.Join(errs...)
}

func parseObject(v vault, k kind, configured Object) (object, error) {
	o := object{kind: k, name: configured.Name}
	if !objectName.MatchString(o.name) {
		return o, fmt.Errorf("name %q: write 1 to 127 letters, digits and hyphens", o.name)
	}
	if slices.Contains(configured.Versions, All) || slices.Contains(configured.Versions, Latest) {
		o.all = configured.Versions[0] == All
		if len(configured.Versions) > 1 {
			return o, fmt.Errorf("versions %q: %q and %q stand alone", configured.Versions, All, Latest)
		}
		return o, nil
	}
	for _, version := range configured.Versions {
		parsed, err := parseVersion(v, o, version)
		if err != nil {
			return o, fmt.Errorf("version %q %w", version, err)
		}
		if slices.Contains(o.versions, parsed) {
			return o, fmt.Errorf("version %q is there twice", parsed)
		}
		o.versions = append(o.versions, parsed)
	}
	return o, nil
}

// parseVersion accepts also the identifier of a version, which the service's tools
// print: it must be of this vault and name.
func parseVersion(v vault, o object, version string) (string, error) {
	if !strings.Contains(version, "/") {
		if !objectVersion.MatchString(version) {
			return "", errors.New("is neither a version nor the identifier of one")
		}
		return version, nil
	}
	of, found, err := parseIdentifier(v, version)
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(of, o.name) {
		return "", fmt.Errorf("is a version of %q, not of %q", of, o.name)
	}
	return found, nil
}

// parseIdentifier takes "https://VAULT/KIND/NAME/VERSION" apart.
func parseIdentifier(v vault, identifier string) (name, version string, err error) {
	u, err := url.Parse(identifier)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New("is not an identifier, as https://VAULT/keys/NAME/VERSION")
	}
	if !strings.EqualFold(strings.TrimSuffix(u.Host, ":443"), v.host) {
		return "", "", fmt.Errorf("is in the vault %s, not in %s", u.Host, v.host)
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) != 3 || !slices.Contains([]string{"keys", "certificates", "secrets"}, parts[0]) || !objectName.MatchString(parts[1]) || !objectVersion.MatchString(parts[2]) {
		return "", "", errors.New("is not the identifier of a version, as https://VAULT/keys/NAME/VERSION")
	}
	return parts[1], parts[2], nil
}
