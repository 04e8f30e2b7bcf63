package column

import (
	"regexp"
	"strings"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/slab"
)

var (
	functionDefault = regexp.MustCompile(`^\(?[A-Za-z0-9_.]+\(.*\)`)
	literalDefault  = regexp.MustCompile(`(?s)'((?:[^']|'')*)'`)
)

// currentTimes are SQL's value functions, as pg_get_expr prints them.
var currentTimes = map[string]bool{"current_date": true, "current_time": true, "current_timestamp": true, "localtime": true, "localtimestamp": true}

// ParseDefault evaluates a column default as pg_get_expr prints it. Only
// constants have a value; a function shows as the type's stand-in. ok is false
// when the schema gets no default.
func (c *Codec) ParseDefault(expr string) (v data.Value, ok bool) {
	if expr == "" || !c.defaults || strings.HasPrefix(expr, "NULL::") {
		return data.Null, false
	}
	literal, ok := c.literal(expr)
	if !ok {
		return data.Null, false
	}
	v, err := c.Decode(Space{Bytes: &slab.Bytes{}}, []byte(literal))
	if err != nil || v.IsNull() || v.Kind() == data.KindStruct {
		return data.Null, false
	}
	return v, true
}

func (c *Codec) literal(expr string) (string, bool) {
	if functionDefault.MatchString(expr) || currentTimes[strings.ToLower(expr)] {
		return c.generated, true
	}
	if m := literalDefault.FindStringSubmatch(expr); m != nil {
		return strings.ReplaceAll(m[1], "''", "'"), true
	}
	expr = strings.Trim(expr, "()")
	switch expr {
	case "true", "false":
		return expr[:1], true
	}
	return expr, !strings.ContainsAny(expr, " :")
}
