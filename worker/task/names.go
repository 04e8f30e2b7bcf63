package task

import (
	"slices"
	"strings"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
)

// wholeNames compiles a list of regular expressions that match whole topic names.
func wholeNames(key, list string) ([]*javaregex.Regexp, error) {
	var out []*javaregex.Regexp
	for _, p := range strings.Split(list, ",") {
		re, err := wholeName(key, strings.TrimSpace(p))
		if err != nil {
			return nil, err
		}
		out = append(out, re)
	}
	return out, nil
}

func wholeName(key, pattern string) (*javaregex.Regexp, error) {
	re, err := javaregex.Compile(pattern)
	if err != nil {
		return nil, config.Invalid(key, pattern, "not a regular expression: "+err.Error())
	}
	return re, nil
}

func matchesAny(res []*javaregex.Regexp, topic string) bool {
	return slices.ContainsFunc(res, func(re *javaregex.Regexp) bool { return re.MatchFull(topic) })
}
