package javaregex

import (
	"errors"
	"strings"
	"unicode/utf16"

	"github.com/dlclark/regexp2/syntax"
)

// translate turns regexp2's error into Java's for the mistakes that people make;
// positions are where java.util.regex.Pattern gives up.
func translate(pattern string, err error) error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return &Error{err.Error(), -1, pattern}
	}
	end := len(utf16.Encode([]rune(pattern)))
	switch e.Code {
	case syntax.ErrUnterminatedBracket:
		return &Error{"Unclosed character class", end - 1, pattern}
	case syntax.ErrMissingParen:
		return &Error{"Unclosed group", end, pattern}
	case syntax.ErrUnexpectedParen:
		return &Error{"Unmatched closing ')'", max(strings.LastIndexByte(pattern, ')')-1, -1), pattern}
	case syntax.ErrMissingRepeatArgument:
		i := strings.IndexAny(pattern, "*+?")
		if i < 0 {
			i = 0
		}
		return &Error{"Dangling meta character '" + pattern[i:i+1] + "'", i, pattern}
	case syntax.ErrIllegalEndEscape:
		return &Error{"Unexpected internal error", end, pattern}
	case syntax.ErrReversedCharRange:
		return &Error{"Illegal character range", -1, pattern}
	}
	return &Error{e.Error(), -1, pattern}
}
