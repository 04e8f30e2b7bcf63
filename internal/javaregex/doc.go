// Package javaregex runs regular expressions of java.util.regex.
//
// A pattern is checked and translated to github.com/dlclark/regexp2, which
// backtracks as Java does; errors have the text of Java's PatternSyntaxException.
// Where pattern and text allow it (printable ASCII, no construct that Go lacks or
// reads differently), Go's regexp does the work: it prefers the same match and takes
// linear time.
//
// Non-obvious: lone surrogates do not exist here, and a match is given up after
// [Timeout], where Java would go on for years.
package javaregex

import "time"

// Timeout bounds one match of the backtracking engine.
const Timeout = 10 * time.Second

// Error is an exception that Java would throw: of class Class with message Msg.
type Error struct{ Class, Msg string }

func (e *Error) Error() string { return e.Msg }

const (
	classArgument = "java.lang.IllegalArgumentException"
	classIndex    = "java.lang.IndexOutOfBoundsException"
	classState    = "java.lang.IllegalStateException"
	classSyntax   = "java.util.regex.PatternSyntaxException"
)
