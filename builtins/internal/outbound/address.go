// SPDX-License-Identifier: Apache-2.0

package outbound

import "net/netip"

// The address blocks the guard knows beyond those of net/netip.
//
// Spec: IANA IPv4 and IPv6 special-purpose address registries.
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")      // RFC 3056
	thisNet   = netip.MustParsePrefix("0.0.0.0/8")      // RFC 791: Linux dials 0.0.0.0 as loopback
	cgnat     = netip.MustParsePrefix("100.64.0.0/10")  // RFC 6598: not covered by IsPrivate
	protocols = netip.MustParsePrefix("192.0.0.0/24")   // RFC 6890
	benchmark = netip.MustParsePrefix("198.18.0.0/15")  // RFC 2544
	reserved  = netip.MustParsePrefix("240.0.0.0/4")    // RFC 1112, with broadcast
	siteLocal = netip.MustParsePrefix("fec0::/10")      // RFC 3879
	localNAT  = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	discard   = netip.MustParsePrefix("100::/64")       // RFC 6666
	teredo    = netip.MustParsePrefix("2001::/32")      // RFC 4380
	documents = netip.MustParsePrefix("2001:db8::/32")  // RFC 3849
)

// forbidden names the reason why nothing may ever dial addr, or "".
func forbidden(addr netip.Addr) string {
	switch {
	case !addr.IsValid():
		return "not an address"
	case metadata(addr):
		return "a cloud metadata address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case addr.IsUnspecified(), thisNet.Contains(addr):
		return "an unspecified address"
	case reserved.Contains(addr):
		return "a reserved address"
	}
	return ""
}

// metadata lists the addresses at which clouds hand out credentials, as far as
// they are not link-local anyway.
func metadata(addr netip.Addr) bool {
	switch addr.String() {
	case "169.254.169.254", "169.254.170.2", "169.254.170.23", // AWS, Azure, GCP and most others; ECS, EKS tasks
		"100.100.100.200",                               // Alibaba Cloud
		"168.63.129.16",                                 // Azure wire server
		"192.0.0.192",                                   // Oracle Cloud
		"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", // AWS, EKS, GCP
		"fd00:a9fe:a9fe::254", "fd00:42::42", "fd00:c1::a9fe:a9fe": // Linode, Scaleway, Oracle
		return true
	}
	return false
}

// internal names the reason why addr is not on the public internet, or "".
func internal(addr netip.Addr) string {
	switch {
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsPrivate(), siteLocal.Contains(addr):
		return "a private address"
	case cgnat.Contains(addr):
		return "a shared address (carrier-grade NAT)"
	case protocols.Contains(addr), benchmark.Contains(addr), localNAT.Contains(addr), discard.Contains(addr),
		teredo.Contains(addr), documents.Contains(addr):
		return "a special-purpose address"
	}
	return ""
}
