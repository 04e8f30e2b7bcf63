package data

import (
	"math"
	"math/big"
	"math/bits"
)

// AppendFloat64 appends Java's Double.toString of f.
//
// It gives the digits of Java up to 18, which are not always the shortest
// ones (1e23 is 9.999999999999999E22): consumers compare texts.
func AppendFloat64(dst []byte, f float64) []byte {
	b := math.Float64bits(f)
	fract, exp := b&(1<<52-1), int(b>>52)&0x7ff
	if exp == 0x7ff {
		return appendNonFinite(dst, f)
	}
	if b>>63 != 0 {
		dst = append(dst, '-')
	}
	if exp == 0 && fract == 0 {
		return append(dst, "0.0"...)
	}
	significant := 53
	if exp == 0 {
		significant = bits.Len64(fract)
		fract <<= 53 - significant
		exp = 1 - (53 - significant)
	} else {
		fract |= 1 << 52
	}
	return appendJavaDigits(dst, fract, exp-1023, significant)
}

// AppendFloat32 appends Java's Float.toString of f, see AppendFloat64.
func AppendFloat32(dst []byte, f float32) []byte {
	b := math.Float32bits(f)
	fract, exp := b&(1<<23-1), int(b>>23)&0xff
	if exp == 0xff {
		return appendNonFinite(dst, float64(f))
	}
	if b>>31 != 0 {
		dst = append(dst, '-')
	}
	if exp == 0 && fract == 0 {
		return append(dst, "0.0"...)
	}
	significant := 24
	if exp == 0 {
		significant = bits.Len32(fract)
		fract <<= 24 - significant
		exp = 1 - (24 - significant)
	} else {
		fract |= 1 << 23
	}
	return appendJavaDigits(dst, uint64(fract)<<29, exp-127, significant)
}

func appendNonFinite(dst []byte, f float64) []byte {
	switch {
	case f > 0:
		return append(dst, "Infinity"...)
	case f < 0:
		return append(dst, "-Infinity"...)
	}
	return append(dst, "NaN"...)
}

// javaDigits is a decimal number 0.d1d2d3... * 10^exp.
type javaDigits struct {
	d   [24]byte
	n   int
	exp int
}

// appendJavaDigits formats fract * 2^(exp-52), where fract has its highest bit at
// position 52 and significant says how many of its bits the type really has.
func appendJavaDigits(dst []byte, fract uint64, exp, significant int) []byte {
	var d javaDigits
	d.develop(fract, exp, significant)
	return d.append(dst)
}

func (d *javaDigits) append(dst []byte) []byte {
	switch {
	case d.exp > 0 && d.exp < 8:
		whole := min(d.n, d.exp)
		dst = append(dst, d.d[:whole]...)
		for range d.exp - whole {
			dst = append(dst, '0')
		}
		dst = append(dst, '.')
		if whole < d.n {
			return append(dst, d.d[whole:d.n]...)
		}
		return append(dst, '0')
	case d.exp <= 0 && d.exp > -3:
		dst = append(dst, "0."...)
		for range -d.exp {
			dst = append(dst, '0')
		}
		return append(dst, d.d[:d.n]...)
	}
	dst = append(dst, d.d[0], '.')
	if d.n > 1 {
		dst = append(dst, d.d[1:d.n]...)
	} else {
		dst = append(dst, '0')
	}
	dst = append(dst, 'E')
	return appendInt(dst, int64(d.exp-1))
}

var pow5 = func() (p [28]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 5
	}
	return p
}()

// bitsOfPow5 estimates the bits of 5^n as Java does: exact below 27, generous above.
func bitsOfPow5(n int) int {
	switch {
	case n == 0:
		return 0
	case n < 27:
		return bits.Len64(pow5[n])
	}
	return n * 3
}

// develop finds the digits: those of the whole number where the value is one of
// less than 63 bits, else digits of value = B/S * 10^k until the rest is within
// half a unit in the last place (M) of the value.
func (d *javaDigits) develop(fract uint64, exp, significant int) {
	zeros := bits.TrailingZeros64(fract)
	fractBits := 53 - zeros
	tiny := max(0, fractBits-exp-1) // bits right of the point
	if exp <= 62 && exp >= -21 && tiny == 0 {
		d.whole(fract, exp, significant)
		return
	}
	k := estimateExponent(fract, exp)
	b5, s5 := max(0, -k), max(0, k)
	b2, s2 := b5+tiny+exp, s5+tiny
	m2 := b2 - significant
	fract >>= zeros
	b2 -= fractBits - 1
	common := min(b2, s2)
	b2, s2, m2 = b2-common, s2-common, m2-common
	if fractBits == 1 {
		m2-- // below a power of two the next number is half as far away
	}
	if m2 < 0 {
		b2, s2, m2 = b2-m2, s2-m2, 0
	}
	bBits := fractBits + b2 + bitsOfPow5(b5)
	tenSBits := s2 + 1 + bitsOfPow5(s5+1)
	switch {
	case bBits < 32 && tenSBits < 32:
		divideSmall(d, int32(fract)*int32(pow5[b5])<<b2, int32(pow5[s5])<<s2, int32(pow5[b5])<<m2, k)
	case bBits < 64 && tenSBits < 64:
		divideSmall(d, int64(fract)*int64(pow5[b5])<<b2, int64(pow5[s5])<<s2, int64(pow5[b5])<<m2, k)
	default:
		d.divideBig(fract, b5, b2, s5, s2, m2, k)
	}
}

func (d *javaDigits) whole(fract uint64, exp, significant int) {
	drop := 0 // decimal digits that the type cannot tell
	if exp > significant {
		drop = (exp - significant - 1) * 30103 / 100000
	}
	if exp >= 52 {
		fract <<= exp - 52
	} else {
		fract >>= 52 - exp
	}
	d.exp = 0
	if drop > 0 {
		unit := pow5[drop] << drop
		rest := fract % unit
		fract /= unit
		d.exp = drop
		if rest >= unit>>1 {
			fract++
		}
	}
	for fract%10 == 0 {
		fract /= 10
		d.exp++
	}
	var buf [24]byte
	i := len(buf)
	for ; fract != 0; fract /= 10 {
		i--
		buf[i] = byte('0' + fract%10)
	}
	d.n = copy(d.d[:], buf[i:])
	d.exp += d.n
}

func estimateExponent(fract uint64, exp int) int {
	f := math.Float64frombits(1023<<52 | fract&(1<<52-1))
	return int(math.Floor((f-1.5)*0.289529654 + 0.176091259 + float64(exp)*0.301029995663981))
}

// short reports whether Java allows fewer digits than 2: not in E notation.
func short(k int) bool { return k >= -3 && k < 8 }

func divideSmall[T int32 | int64](d *javaDigits, b, s, m T, k int) {
	tens := s * 10
	q := b / s
	b = 10 * (b % s)
	m *= 10
	low, high := b < m, b+m > tens
	if q == 0 && !high {
		k--
	} else {
		d.add(byte(q))
	}
	if !short(k) {
		low, high = false, false
	}
	for !low && !high {
		q = b / s
		b = 10 * (b % s)
		m *= 10
		// m can overflow; it is then larger than everything.
		low, high = m <= 0 || b < m, m <= 0 || b+m > tens
		d.add(byte(q))
	}
	d.exp = k + 1
	diff := b<<1 - tens
	d.round(low, high, int(min(max(diff, -1), 1)))
}

func (d *javaDigits) divideBig(fract uint64, b5, b2, s5, s2, m2, k int) {
	s := bigPow52(s5, s2)
	b := bigPow52(b5, b2)
	b.Mul(b, new(big.Int).SetUint64(fract))
	m := bigPow52(b5, m2)
	ten := big.NewInt(10)
	tens := new(big.Int).Mul(s, ten)
	q, sum := new(big.Int), new(big.Int)
	step := func() (digit byte, low, high bool) {
		q.QuoRem(b, s, b)
		b.Mul(b, ten)
		m.Mul(m, ten)
		return byte(q.Int64()), b.Cmp(m) < 0, tens.Cmp(sum.Add(b, m)) <= 0
	}
	digit, low, high := step()
	if digit == 0 && !high {
		k--
	} else {
		d.add(digit)
	}
	if !short(k) {
		low, high = false, false
	}
	for !low && !high {
		digit, low, high = step()
		d.add(digit)
	}
	d.exp = k + 1
	d.round(low, high, b.Lsh(b, 1).Cmp(tens))
}

func bigPow52(five, two int) *big.Int {
	p := big.NewInt(5)
	p.Exp(p, big.NewInt(int64(five)), nil)
	return p.Lsh(p, uint(two))
}

func (d *javaDigits) add(digit byte) {
	d.d[d.n] = '0' + digit
	d.n++
}

// round rounds the last digit up where the rest asks for it; diff compares twice
// the rest with one unit.
func (d *javaDigits) round(low, high bool, diff int) {
	if !high || low && (diff < 0 || diff == 0 && d.d[d.n-1]&1 == 0) {
		return
	}
	i := d.n - 1
	for ; i > 0 && d.d[i] == '9'; i-- {
		d.d[i] = '0'
	}
	if d.d[i] == '9' {
		d.d[0] = '1'
		d.exp++
		return
	}
	d.d[i]++
}
