// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/opa-ratify/opa-ratify/builtins/internal/reference"
)

// Bytes is a size in bytes, written as a number or with the unit KiB, MiB or GiB.
type Bytes int64

// units are tried in this order, largest first, to print a size.
func units() []struct {
	name string
	size Bytes
} {
	return []struct {
		name string
		size Bytes
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// String returns the shortest exact spelling, "64MiB".
func (b Bytes) String() string {
	for _, u := range units() {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

func parseBytes(s string) (Bytes, error) {
	digits, size := s, Bytes(1)
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			digits, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errors.New(`not a size; write bytes or "64KiB", "64MiB", "1GiB"`)
	}
	if Bytes(n) > (1<<62)/size {
		return 0, errors.New("too large")
	}
	return Bytes(n) * size, nil
}

// isScalar tells the structs that are written as one string.
func isScalar(v reflect.Value) bool {
	switch v.Interface().(type) {
	case netip.Prefix, reference.Scope:
		return true
	default:
		return false
	}
}

// scalar fills v from one value; the problem quotes it, for no setting holds a
// secret.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if _, isString := reflect.TypeAssert[*string](v.Addr()); isString && n.Tag != "!!str" {
		d.report(path, "%s is not text; put it in quotes", quote(n.Value))
		return
	}
	if err := parse(n, v); err != nil {
		d.report(path, "%s: %v", quote(n.Value), err)
	}
}

func parse(n *yaml.Node, v reflect.Value) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = n.Value
	case *bool:
		if n.Tag != "!!bool" || n.Decode(p) != nil {
			return errors.New("not true or false")
		}
	case *int:
		if n.Tag != "!!int" || n.Decode(p) != nil {
			return errors.New("not a whole number")
		}
	case *Bytes:
		*p, err = parseBytes(n.Value)
	case *time.Duration:
		if *p, err = time.ParseDuration(n.Value); err != nil {
			return errors.New(`not a duration; write a number with a unit, "2.8s" or "900ms"`)
		}
	case *netip.Prefix:
		*p, err = parsePrefix(n.Value)
	case *reference.Scope:
		*p, err = reference.ParseScope(n.Value)
	case *Undecided:
		return choose(p, n.Value, UndecidedSystemError, UndecidedItem)
	case *Namespaced:
		return choose(p, n.Value, NamespacedAdd, NamespacedReplace)
	case *Mutation:
		return choose(p, n.Value, MutationDigest, MutationTagAndDigest)
	case *KeyProviderType:
		return choose(p, keyProviderName(n.Value), keyProviderTypes()...)
	case *CredentialProvider:
		return choose(p, ratifyName(n.Value), credentialProviders()...)
	default:
		return fmt.Errorf("a %s cannot be configured; please report", v.Type())
	}
	return err
}

func choose[T ~string](p *T, value string, known ...T) error {
	*p = T(value)
	if slices.Contains(known, *p) {
		return nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	last := len(words) - 1
	return fmt.Errorf("not known; write %s or %s", strings.Join(words[:last], ", "), words[last])
}

func keyProviderTypes() []KeyProviderType {
	return []KeyProviderType{KeysAlibaba, KeysAWS, KeysAzure, KeysFile, KeysGoogle, KeysVault, KeysInline, KeysKubernetes, KeysURL}
}

func credentialProviders() []CredentialProvider {
	return []CredentialProvider{
		CredentialAlibaba, CredentialAnonymous, CredentialAWS, CredentialAzure, CredentialDockerConfig, CredentialGoogle,
		CredentialKubernetesSecrets, CredentialStatic,
	}
}

// ratifyName translates what Ratify calls a credential provider.
func ratifyName(name string) string {
	switch name {
	case "dockerConfig":
		return string(CredentialDockerConfig)
	case "k8Secrets":
		return string(CredentialKubernetesSecrets)
	case azureWorkloadIdentity, azureManagedIdentity:
		return string(CredentialAzure)
	case "alibabacloudAcrBasic":
		return string(CredentialAlibaba)
	case "awsEcrBasic":
		return string(CredentialAWS)
	default:
		return name
	}
}

// parsePrefix reads a network; a bare address is the network of that address.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, errors.New(`not a network; write "10.0.0.0/8" or "fd00::/8"`)
	case p != p.Masked():
		return p, fmt.Errorf("has bits beside the network; write %q", p.Masked())
	case p.Bits() == 0:
		return p, errors.New("allows every address; name the networks that serve CRL and OCSP")
	}
	return p, nil
}

// expected says what a scalar wants, for a list or an object in its place.
func expected(v reflect.Value) string {
	switch v.Interface().(type) {
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case Bytes:
		return `a size such as "64MiB"`
	case time.Duration:
		return `a duration such as "2.8s"`
	default:
		return "text"
	}
}

// quote shows a stranger's value, shortened.
func quote(s string) string {
	const shown = 80
	if len(s) > shown {
		s = s[:shown] + "…"
	}
	return strconv.Quote(s)
}
