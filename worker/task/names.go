package task

import (
	"regexp"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/config"
)

// wholeNames compiles a list of regular expressions that match whole topic names.
func wholeNames(key, list string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, p := range strings.Split(list, ",") {
		re, err := wholeName(key, strings.TrimSpace(p))
		if err != nil {
			return nil, err
		}
		out = append(out, re)
	}
	return out, nil
}

func wholeName(key, pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, config.Invalid(key, pattern, "not a regular expression: "+err.Error())
	}
	return re, nil
}

func matchesAny(res []*regexp.Regexp, topic string) bool {
	return slices.ContainsFunc(res, func(re *regexp.Regexp) bool { return re.MatchString(topic) })
}
