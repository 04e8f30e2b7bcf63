package file

import "bytes"

// lines cuts text into lines that end with \n, \r or \r\n. An unfinished last
// line stays until its end comes; so does a \r at the end of the text, since a \n
// may follow.
type lines struct {
	rest []byte // unread text
}

// add appends text, which it copies.
func (l *lines) add(text []byte) { l.rest = append(l.rest, text...) }

// next returns the next line without its end, and its size with it.
func (l *lines) next() (line string, size int, ok bool) {
	end := bytes.IndexAny(l.rest, "\r\n")
	if end < 0 {
		return "", 0, false
	}
	size = end + 1
	if l.rest[end] == '\r' {
		if size == len(l.rest) {
			return "", 0, false
		}
		if l.rest[size] == '\n' {
			size++
		}
	}
	line = string(l.rest[:end])
	l.rest = l.rest[size:]
	if len(l.rest) == 0 {
		l.rest = nil
	}
	return line, size, true
}
