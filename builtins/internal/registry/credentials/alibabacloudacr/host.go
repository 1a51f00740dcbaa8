// SPDX-License-Identifier: Apache-2.0

package alibabacloudacr

import (
	"regexp"
	"strings"
)

// The grammar of host names. A region begins with the code of a continent or
// country: whatever else stands there may be a service in which strangers choose
// the name before it. "x-registry-vpc.oss-cn-hangzhou.cr.aliyuncs.com" would have
// us ask cr-vpc.oss-cn-hangzhou.aliyuncs.com, somebody's bucket.
//
// Spec: Container Registry user guide, "Configure access over the internet", "…
// over VPCs"; instance names have 3 to 30 of [a-z0-9-].
const (
	region       = `((?:cn|ap|us|eu|me|na|sa|af|rus)(?:-[a-z0-9]+)+)`
	instanceName = `([a-z0-9][a-z0-9-]{1,28}[a-z0-9])`
)

var (
	enterprise  = regexp.MustCompile(`^` + instanceName + `-registry(?:-intl)?(-vpc|-internal)?(?:\.distributed)?\.` + region + `\.cr\.aliyuncs\.com$`)
	personal    = regexp.MustCompile(`^registry(?:-intl)?(-vpc|-internal)?\.` + region + `\.aliyuncs\.com$`)
	newPersonal = regexp.MustCompile(`^(crpi-[a-z0-9]{1,40})(-vpc)?\.` + region + `\.personal\.cr\.aliyuncs\.com$`)
	regionOnly  = regexp.MustCompile(`^` + region + `$`)
)

type edition int

const (
	enterpriseEdition edition = iota
	personalEdition           // one per account and region
	newPersonalEdition
)

// registry is what a host name says.
type registry struct {
	edition  edition
	instance string // name in the Enterprise Edition, id in the new Personal one
	region   string
	network  string // "", "-vpc" or "-internal"
}

// parse reads a host[:port]; false if it is no host of Container Registry.
func parse(host string) (registry, bool) {
	host = canonical(host)
	if m := enterprise.FindStringSubmatch(host); m != nil {
		return registry{edition: enterpriseEdition, instance: m[1], network: m[2], region: m[3]}, true
	}
	if m := newPersonal.FindStringSubmatch(host); m != nil {
		return registry{edition: newPersonalEdition, instance: m[1], network: m[2], region: m[3]}, true
	}
	if m := personal.FindStringSubmatch(host); m != nil {
		return registry{edition: personalEdition, network: m[1], region: m[2]}, true
	}
	return registry{}, false
}

// canonical drops what makes one host look like another. Another port than 443 is
// another service.
func canonical(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSuffix(host, ":443")), ".")
}

// realms are the token servers of a registry, which are on other hosts.
//
// Spec: none; these are what registries answer, collected by users.
func (r registry) realms() []string {
	suffix := ""
	if r.network == "-vpc" {
		suffix = "-vpc"
	}
	names := []string{"dockerauth" + suffix + "." + r.region + ".aliyuncs.com"}
	if r.edition != personalEdition {
		names = append(names, "dockerauth-ee"+suffix+"."+r.region+".aliyuncs.com")
	}
	if r.region == "cn-zhangjiakou" {
		names = append(names, "dockerauth"+suffix+"-cn-zhangjiakou.aliyuncs.com")
	}
	return names
}
