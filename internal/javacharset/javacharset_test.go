package javacharset_test

import (
	"testing"

	"github.com/leat-project/leat/internal/javacharset"
)

func TestRoundTrip(t *testing.T) {
	const text = "a\u00e9\u6f22"
	for name, want := range map[string]string{
		"utf8": text, "UTF-16": text, "UTF-16LE": text, "utf-32": text, "ISO-8859-1": "a\u00e9?", "US-ASCII": "a??", "windows-1252": "a\u00e9?",
		"Shift_JIS": "a?\u6f22", "GB18030": text,
	} {
		c, ok := javacharset.Lookup(name)
		if !ok {
			t.Errorf("%s is unknown", name)
			continue
		}
		if got := c.Decode(c.Append(nil, text)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, ok := javacharset.Lookup("bogus"); ok {
		t.Error("bogus is known")
	}
}

// Java counts the bytes that could begin a character as one malformed sequence.
func TestDecodeUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"ok\u00fc": "ok\u00fc", "\xff\xfeA": "\ufffd\ufffdA", "\xe6\xbcA": "\ufffdA", "\xe6\xbc": "\ufffd", "\xf0\x9f\x98": "\ufffd",
		"\xed\xa0\x80": "\ufffd", "\xc0\x80": "\ufffd\ufffd", "\xe0\x80\x80": "\ufffd\ufffd\ufffd",
	} {
		if got := javacharset.DecodeUTF8([]byte(in)); got != want {
			t.Errorf("%x = %q, want %q", in, got, want)
		}
	}
}
