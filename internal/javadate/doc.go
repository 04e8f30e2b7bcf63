// Package javadate formats and parses times by patterns of Java's
// java.text.SimpleDateFormat, with locale en_US and time zone UTC: what
// TimestampConverter, TimestampRouter and header values use.
//
// Parsing is lenient as Java's is: fields may be out of range (month 13) or have
// fewer or more digits than the pattern, and text after the match is ignored.
// Dates before 15 October 1582 are those of the Julian calendar.
package javadate
