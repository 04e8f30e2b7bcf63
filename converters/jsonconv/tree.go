package jsonconv

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leat-project/leat/connect"
)

// Bounds of Jackson's StreamReadConstraints.
const (
	maxDepth       = 1000
	maxNumberChars = 1000
	maxTokenChars  = 256 // of an unknown token in an error
)

type nodeKind uint8

// Jackson's JsonNodeType, with its names.
const (
	nodeMissing nodeKind = iota
	nodeNull
	nodeBool
	nodeNumber
	nodeString
	nodeArray
	nodeObject
)

func (k nodeKind) String() string {
	return [...]string{"MISSING", "NULL", "BOOLEAN", "NUMBER", "STRING", "ARRAY", "OBJECT"}[k]
}

// node is a JSON value as the slow reader sees it.
type node struct {
	kind  nodeKind
	truth bool     // nodeBool
	float bool     // nodeNumber with fraction or exponent
	text  string   // nodeString: the string; nodeNumber: the literal
	elems []*node  // nodeArray; nodeObject: values
	names []string // nodeObject
}

// get returns a member of an object, nil if there is none.
func (n *node) get(name string) *node {
	for i, m := range n.names {
		if m == name {
			return n.elems[i]
		}
	}
	return nil
}

// parser reads one JSON value in Jackson's dialect as JsonDeserializer sets it up:
// leading zeros are allowed, text after the value is not looked at.
type parser struct {
	b     []byte
	i     int
	depth int
}

// syntaxError is a JsonParseException or JsonEOFException.
type syntaxError struct {
	class string
	msg   string
}

func (e *syntaxError) Error() string { return e.msg }

const redacted = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "

func (p *parser) location(at int) string {
	at = min(at, len(p.b))
	line, start := 1, 0
	for i, c := range p.b[:at] {
		if c == '\n' {
			line, start = line+1, i+1
		}
	}
	return fmt.Sprintf("%sline: %d, column: %d]", redacted, line, at-start+1)
}

// fail panics with Jackson's error at a byte position; parse recovers it.
func (p *parser) fail(at int, format string, args ...any) {
	panic(&syntaxError{"com.fasterxml.jackson.core.JsonParseException", fmt.Sprintf(format, args...) + "\n at " + p.location(at)})
}

func (p *parser) eof(what string) {
	panic(&syntaxError{"com.fasterxml.jackson.core.io.JsonEOFException", "Unexpected end-of-input" + what + "\n at " + p.location(len(p.b))})
}

func (p *parser) constraint(msg string) {
	panic(&syntaxError{"com.fasterxml.jackson.core.exc.StreamConstraintsException", msg + "\n at " + p.location(p.i)})
}

// parse returns the first JSON value of b, a missing node if there is none.
func parse(b []byte) (n *node, err error) {
	p := &parser{b: toUTF8(b)}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*syntaxError)
			if !ok {
				panic(r)
			}
			cause := &connect.Error{Class: e.class, Msg: e.msg}
			ser := connect.Cause(connect.ClassSerialization, e.class+": "+e.msg, cause)
			err = connect.Cause(connect.ClassData, "Converting byte[] to Kafka Connect data failed due to serialization error: ", ser)
		}
	}()
	if !p.space() {
		return &node{kind: nodeMissing}, nil
	}
	n = p.value()
	if n.kind == nodeNumber && p.i < len(p.b) && p.b[p.i] > ' ' {
		p.unexpected(p.i, "Expected space separating root-level values")
	}
	return n, nil
}

// toUTF8 drops a byte order mark and converts the other encodings that Jackson detects.
func toUTF8(b []byte) []byte {
	var order func(hi, lo byte) uint16
	big := func(x, y byte) uint16 { return uint16(x)<<8 | uint16(y) }
	little := func(x, y byte) uint16 { return uint16(y)<<8 | uint16(x) }
	switch {
	case len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF:
		return b[3:]
	case len(b) >= 4 && b[0] == 0xFE && b[1] == 0xFF:
		order, b = big, b[2:]
	case len(b) >= 4 && b[0] == 0xFF && b[1] == 0xFE:
		order, b = little, b[2:]
	case len(b) >= 4 && b[0] == 0 && b[1] != 0:
		order = big
	case len(b) >= 4 && b[0] != 0 && b[1] == 0 && (b[2] != 0 || b[3] != 0):
		order = little
	default:
		return b
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order(b[2*i], b[2*i+1])
	}
	return []byte(string(utf16.Decode(units)))
}

// space skips white space; false at the end.
func (p *parser) space() bool {
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case c == '/':
			p.unexpected(p.i, "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)")
		case c < ' ':
			p.fail(p.i, "Illegal character (%s): only regular white space (\\r, \\n, \\t) is allowed between tokens", describe(rune(c)))
		default:
			return true
		}
	}
	return false
}

func (p *parser) unexpected(at int, comment string) {
	r, _ := utf8.DecodeRune(p.b[at:])
	p.fail(at, "Unexpected character (%s): %s", describe(r), comment)
}

// value reads the value that starts at p.i, which is not white space.
func (p *parser) value() *node {
	switch c := p.b[p.i]; {
	case c == '"':
		p.i++
		return &node{kind: nodeString, text: p.text("String value")}
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 't':
		p.word("true")
		return &node{kind: nodeBool, truth: true}
	case c == 'f':
		p.word("false")
		return &node{kind: nodeBool}
	case c == 'n':
		p.word("null")
		return &node{kind: nodeNull}
	}
	p.badValue()
	return nil
}

const wantValue = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

func (p *parser) badValue() {
	r, _ := utf8.DecodeRune(p.b[p.i:])
	switch {
	case r == '}' || r == ',':
		p.unexpected(p.i, "expected a value")
	case r == 'N' && strings.HasPrefix(string(p.b[p.i:]), "NaN"), r == 'I' && strings.HasPrefix(string(p.b[p.i:]), "Infinity"):
		name := map[rune]string{'N': "NaN", 'I': "Infinity"}[r]
		p.fail(p.i, "Non-standard token '%s': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow", name)
	case r == '+':
		if p.i+1 == len(p.b) {
			p.eof(" in a Number value")
		}
		p.fail(p.i+1, "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: "+
			"enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow")
	case javaLetter(r) || r == utf8.RuneError:
		p.badToken(p.i)
	}
	p.unexpected(p.i, "expected a valid value "+wantValue)
}

func (p *parser) number() *node {
	start, n := p.i, &node{kind: nodeNumber}
	if p.b[p.i] == '-' {
		p.i++
		if p.i == len(p.b) {
			p.eof(" in null")
		}
		if c := p.b[p.i]; c < '0' || c > '9' {
			if strings.HasPrefix(string(p.b[p.i:]), "Infinity") {
				p.fail(start, "Non-standard token '-Infinity': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")
			}
			p.badNumber(p.i, "expected digit (0-9) to follow minus sign, for valid numeric value")
		}
	}
	p.digits()
	if p.i < len(p.b) && p.b[p.i] == '.' {
		n.float = true
		if p.i++; p.digits() == 0 {
			p.badNumber(p.i, "Decimal point not followed by a digit")
		}
	}
	if p.i < len(p.b) && p.b[p.i]|0x20 == 'e' {
		n.float = true
		p.i++
		if p.i < len(p.b) && (p.b[p.i] == '+' || p.b[p.i] == '-') {
			p.i++
		}
		if p.digits() == 0 {
			p.badNumber(p.i, "Exponent indicator not followed by a digit")
		}
	}
	if size := p.i - start; size > maxNumberChars {
		p.constraint(fmt.Sprintf("Number value length (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNumberLength()`)",
			size, maxNumberChars))
	}
	n.text = string(p.b[start:p.i])
	return n
}

// badNumber reports the character at a position, the one before at the end of input.
func (p *parser) badNumber(at int, comment string) {
	if at == len(p.b) {
		at--
	}
	r, _ := utf8.DecodeRune(p.b[at:])
	p.fail(at, "Unexpected character (%s) in numeric value: %s", describe(r), comment)
}

func (p *parser) digits() int {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i - start
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.constraint(fmt.Sprintf("Document nesting depth (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNestingDepth()`)",
			p.depth, maxDepth))
	}
}

// need skips white space inside the container that began at start.
func (p *parser) need(kind string, start int) byte {
	if !p.space() {
		p.eof(fmt.Sprintf(": expected close marker for %s (start marker at %s)", kind, p.location(start)))
	}
	return p.b[p.i]
}

func (p *parser) array() *node {
	start, n := p.i, &node{kind: nodeArray, elems: []*node{}}
	p.enter()
	p.i++
	for c := p.need("Array", start); c != ']'; {
		if c == '}' {
			p.fail(p.i, "Unexpected close marker '}': expected ']' (for Array starting at %s)", p.location(start))
		}
		if len(n.elems) > 0 {
			if c != ',' {
				p.unexpected(p.i, "was expecting comma to separate Array entries")
			}
			p.i++
			if p.need("Array", start) == ']' {
				p.unexpected(p.i, "expected a value")
			}
		}
		n.elems = append(n.elems, p.value())
		c = p.need("Array", start)
	}
	p.i++
	p.depth--
	return n
}

func (p *parser) object() *node {
	start, n := p.i, &node{kind: nodeObject}
	p.enter()
	p.i++
	seen := map[string]int{}
	for c := p.need("Object", start); c != '}'; {
		if c == ']' {
			p.fail(p.i, "Unexpected close marker ']': expected '}' (for Object starting at %s)", p.location(start))
		}
		if len(n.names) > 0 {
			if c != ',' {
				p.unexpected(p.i, "was expecting comma to separate Object entries")
			}
			p.i++
			c = p.need("Object", start)
		}
		if c != '"' {
			p.unexpected(p.i, "was expecting double-quote to start field name")
		}
		p.i++
		name := p.text("field name")
		if p.need("Object", start) != ':' {
			p.unexpected(p.i, "was expecting a colon to separate field name and value")
		}
		p.i++
		p.need("Object", start)
		v := p.value()
		if at, dup := seen[name]; dup {
			n.elems[at] = v
		} else {
			seen[name] = len(n.names)
			n.names, n.elems = append(n.names, name), append(n.elems, v)
		}
		c = p.need("Object", start)
	}
	p.i++
	p.depth--
	return n
}
