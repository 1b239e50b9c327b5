package reference

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// maxLength of a reference or a registry, in bytes, as in the operator's schema.
const maxLength = 512

// RE2: none of these can take more than linear time.
var (
	label    = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)
	namePart = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	tagForm  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digest   = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
	portForm = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)
)

// isHost says whether text is a host as container runtimes have it: a name (RFC 1123), an IPv4 address or an IPv6
// address in brackets (RFC 4291, no zone), with or without a port.
func isHost(text string) bool {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		address, port, closed := strings.Cut(rest, "]")
		return closed && isIPv6(address) && (port == "" || port[0] == ':' && isPort(port[1:]))
	}
	name, port, hasPort := strings.Cut(text, ":")
	if hasPort && !isPort(port) {
		return false
	}
	for _, part := range strings.Split(name, ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}

// isIPv6 leaves out zones and addresses with an IPv4 address at their end, as the schema does.
func isIPv6(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is6() && !strings.ContainsAny(text, "%.")
}

func isPort(text string) bool {
	number, err := strconv.Atoi(text)
	return portForm.MatchString(text) && err == nil && number <= 65535
}

// IsRepository says whether text is the name of a repository (OCI distribution specification, "Pulling manifests").
func IsRepository(text string) bool {
	for _, part := range strings.Split(text, "/") {
		if !namePart.MatchString(part) {
			return false
		}
	}
	return true
}

// IsTag says whether text is a tag.
func IsTag(text string) bool { return tagForm.MatchString(text) }

// IsDigest says whether text is a digest that the agent takes: sha256 in lower case.
func IsDigest(text string) bool { return digest.MatchString(text) }
