// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrRefused is wrapped by every refusal of the guard.
var ErrRefused = errors.New("outbound request refused")

// RefusedError says what was refused and what the operator can do. It wraps
// [ErrRefused].
type RefusedError struct {
	Host    string     // as asked for, host or host:port
	Addr    netip.Addr // what it resolved to; the zero value if it was refused by name
	Reason  string     // "a cloud metadata address"
	Setting string     // the setting that would allow it; "" if none does
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %q", ErrRefused, e.Host)
	if e.Addr.IsValid() && e.Addr.String() != e.Host {
		fmt.Fprintf(&b, " is at %s,", e.Addr)
	} else {
		b.WriteString(" is")
	}
	b.WriteString(" " + e.Reason)
	if e.Setting != "" {
		fmt.Fprintf(&b, "; to allow it, %s", e.Setting)
	} else {
		b.WriteString("; no setting allows it")
	}
	return b.String()
}

// Unwrap makes errors.Is(err, [ErrRefused]) true.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// Policy says which addresses may be dialled. The zero value allows all but
// link-local, cloud metadata, unspecified and multicast addresses, which
// nothing allows. It may be shared between goroutines.
type Policy struct {
	// Public refuses loopback, private and shared (carrier-grade NAT) addresses
	// too, for URLs that a stranger chose. False: they are allowed.
	Public bool
	// Allow names the addresses that Public must not refuse. Empty: none.
	Allow []netip.Prefix
	// Loopback allows loopback addresses only, for what is trusted in clear
	// text because it never leaves the machine. False: no such limit.
	Loopback bool
}

// Check reports whether addr, to which host resolved, may be dialled. The error
// is a [*RefusedError].
func (p Policy) Check(host string, addr netip.Addr) error {
	addr = plain(addr)
	if reason := forbidden(addr); reason != "" {
		return &RefusedError{Host: host, Addr: addr, Reason: reason}
	}
	if p.Loopback && !addr.IsLoopback() {
		return &RefusedError{Host: host, Addr: addr, Reason: "not a loopback address", Setting: "set plain_http for that registry"}
	}
	if reason := internal(addr); p.Public && reason != "" && !p.allows(addr) {
		return &RefusedError{Host: host, Addr: addr, Reason: reason, Setting: fmt.Sprintf("add %s to outbound.allow", netip.PrefixFrom(addr, addr.BitLen()))}
	}
	return nil
}

func (p Policy) allows(addr netip.Addr) bool {
	for _, prefix := range p.Allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// CheckName refuses what can be refused before DNS: literal addresses and the
// names under which clouds serve metadata. It is what remains of the guard when
// a proxy resolves the name.
func (p Policy) CheckName(host string) error {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if addr, err := netip.ParseAddr(name); err == nil {
		return p.Check(host, addr)
	}
	switch name {
	case "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com":
		return &RefusedError{Host: host, Reason: "a cloud metadata service"}
	}
	if p.Public && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		return p.Check(host, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return nil
}

// plain removes what makes one address look like another: the zone, the
// IPv4-mapped form, and the NAT64 and 6to4 wrappers that reach an IPv4 address.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.WithZone("").Unmap()
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}
