package plugin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect"
)

// CheckVersion says whether the plugin satisfies a version requirement (KIP-891):
// "" and latest are anything, a bare version is exactly that one, else an interval
// as Maven writes it, such as [1.0,2.0). The error has Java's text.
func (p *Plugin) CheckVersion(spec string) error {
	spec = strings.TrimSpace(spec)
	if spec == "" || spec == "latest" || within(spec, p.Version) {
		return nil
	}
	if !strings.HasPrefix(spec, "[") && !strings.HasPrefix(spec, "(") {
		spec = fmt.Sprintf("[%s,%s]", spec, spec)
	}
	return connect.ConnectErrorf("Plugin %s not found that matches the version range %s, available versions: [%s]", p.Class, spec, p.Version)
}

// within reports whether a version lies in an interval; what is no interval
// matches only itself.
func within(spec, version string) bool {
	n := len(spec)
	if n < 2 || !strings.ContainsRune("[(", rune(spec[0])) || !strings.ContainsRune("])", rune(spec[n-1])) {
		return spec == version
	}
	low, high, ranged := strings.Cut(spec[1:n-1], ",")
	low, high = strings.TrimSpace(low), strings.TrimSpace(high)
	if !ranged {
		return low == version
	}
	if c := compareVersions(version, low); low != "" && (c < 0 || (c == 0 && spec[0] == '(')) {
		return false
	}
	c := compareVersions(version, high)
	return high == "" || c < 0 || (c == 0 && spec[n-1] == ']')
}

// compareVersions compares the parts between dots and dashes: numbers as numbers,
// a missing part as 0. Of texts, Final and a missing one are equal and the latest.
func compareVersions(a, b string) int {
	pa, pb := parts(a), parts(b)
	for i := range max(len(pa), len(pb)) {
		if c := cmp.Or(cmp.Compare(pa.number(i), pb.number(i)), cmp.Compare(pa.text(i), pb.text(i))); c != 0 {
			return c
		}
	}
	return 0
}

type versionParts []string

func parts(v string) versionParts {
	return strings.FieldsFunc(v, func(r rune) bool { return r == '.' || r == '-' })
}

func (p versionParts) number(i int) int {
	if i >= len(p) {
		return 0
	}
	n, err := strconv.Atoi(p[i])
	if err != nil {
		return 0 // a text
	}
	return n
}

func (p versionParts) text(i int) string {
	const release = "\xff" // above every qualifier
	if i >= len(p) || strings.EqualFold(p[i], "Final") {
		return release
	}
	if _, err := strconv.Atoi(p[i]); err == nil {
		return release
	}
	return strings.ToLower(p[i])
}
