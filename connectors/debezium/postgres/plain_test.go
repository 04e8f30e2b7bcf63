package postgres

import (
	"fmt"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// plain shows a value without its schema.
func plain(v data.Value) string {
	switch v.Kind() {
	case data.KindNull:
		return "null"
	case data.KindUnchanged:
		return "unchanged"
	case data.KindString:
		return v.Str()
	case data.KindBytes:
		return fmt.Sprintf("%x", v.Bytes())
	case data.KindBool:
		return fmt.Sprint(v.Bool())
	case data.KindFloat32, data.KindFloat64:
		return fmt.Sprint(v.Float())
	case data.KindDecimal:
		n, scale := v.BigDecimal()
		return fmt.Sprintf("%se-%d", n, scale)
	case data.KindDate:
		return v.Time().Format("2006-01-02T15:04:05.000")
	case data.KindArray:
		var parts []string
		for _, e := range v.Array() {
			parts = append(parts, plain(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case data.KindStruct:
		var parts []string
		for i, f := range v.Struct().Schema().Fields() {
			parts = append(parts, f.Name+"="+plain(v.Struct().At(i)))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprint(v.Int())
}
