package jsonconv

import (
	"encoding/base64"
	"strconv"

	"github.com/leat-project/leat/connect/data"
)

// integer reads up to 18 digits without fraction, exponent or leading zero.
func (f *fast) integer() (int64, bool) {
	i, neg := f.i, false
	if i < len(f.b) && f.b[i] == '-' {
		neg = true
		i++
	}
	first := i
	var n int64
	for ; i < len(f.b); i++ {
		d := f.b[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int64(d)
	}
	digits := i - first
	if digits == 0 || digits > 18 || digits > 1 && f.b[first] == '0' {
		return f.longInteger(digits)
	}
	f.i = i
	if neg {
		n = -n
	}
	return n, f.ended()
}

// longInteger reads the numbers of 19 digits that fit.
func (f *fast) longInteger(digits int) (int64, bool) {
	if digits != 19 {
		return 0, false
	}
	lit, _ := f.number()
	n, err := strconv.ParseInt(string(lit), 10, 64)
	return n, err == nil && f.ended()
}

// number delimits a JSON number; nil if it is none of the strict grammar.
func (f *fast) number() (lit []byte, float bool) {
	i, b := f.i, f.b
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	i = digitsEnd(b, i)
	if i == first || i > first+1 && b[first] == '0' {
		return nil, false
	}
	if i < len(b) && b[i] == '.' {
		float = true
		end := digitsEnd(b, i+1)
		if end == i+1 {
			return nil, false
		}
		i = end
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		float = true
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digitsEnd(b, i)
		if end == i {
			return nil, false
		}
		i = end
	}
	lit = b[f.i:i]
	if len(lit) > 64 {
		return nil, false
	}
	f.i = i
	if !f.ended() {
		return nil, false
	}
	return lit, float
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func (f *fast) float(t data.Type) (data.Value, bool) {
	lit, _ := f.number()
	if lit == nil {
		return data.Null, false
	}
	bits := 64
	if t == data.TypeFloat32 {
		bits = 32
	}
	n, _ := strconv.ParseFloat(string(lit), bits) // out of range is infinite
	if n == 0 {
		n = 0 // no -0.0
	}
	if t == data.TypeFloat32 {
		return data.Float32(float32(n)), true
	}
	return data.Float64(n), true
}

func (f *fast) decimal(p *readPlan, c byte) (data.Value, bool) {
	if c != '"' {
		lit, _ := f.number()
		if lit == nil {
			return data.Null, false
		}
		v, err := parseDecimal(string(lit))
		return v, err == nil
	}
	s, ok := f.text(c)
	if !ok || len(s) == 0 {
		return data.Null, false
	}
	if n := base64.StdEncoding.DecodedLen(len(s)); cap(f.scratch) < n {
		f.scratch = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(f.scratch[:cap(f.scratch)], s)
	if err != nil || n == 0 {
		return data.Null, false
	}
	return data.DecimalFromBytes(f.scratch[:n], p.scale), true
}

func (f *fast) temporal(p *readPlan, c byte) (data.Value, bool) {
	if c != '-' && c-'0' > 9 {
		return data.Null, false
	}
	n, ok := f.integer()
	switch p.op {
	case opDate:
		return data.Date(n * dayMillis), ok && n == int64(int32(n))
	case opTime:
		return data.Date(n), ok && n >= 0 && n <= dayMillis
	}
	return data.Date(n), ok
}
