//go:build peers

package peers_test

import (
	"strings"
)

// transformation makes a case of one of Apache Kafka's transforms or predicates.
func (c chance) transformation() object {
	side := pick(c, "$Key", "$Value", "$Value")
	config := object{}
	set := func(key string, values ...string) { config[key] = pick(c, values...) }
	maybe := func(key string, values ...string) {
		if c.one(2) {
			set(key, values...)
		}
	}
	fields := func(most int) string {
		var out []string
		for range 1 + c.IntN(most) {
			out = append(out, pick(c, fieldNames...))
		}
		return strings.Join(out, ",")
	}
	booleans := []string{"true", "false"}
	var name string
	switch c.IntN(18) {
	case 0, 1:
		name = "Cast" + side
		kinds := []string{"int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"}
		spec := pick(c, kinds...)
		if !c.one(4) {
			var parts []string
			for _, f := range fieldNames[:1+c.IntN(4)] {
				parts = append(parts, f+":"+pick(c, kinds...))
			}
			spec = strings.Join(parts, ",")
		}
		config["spec"] = spec
		maybe("replace.null.with.default", booleans...)
	case 2:
		name = "ExtractField" + side
		set("field", "a", "b", "a.b", "e.f", "`e.f`", "b.c.d")
		maybe("field.syntax.version", "V1", "V2")
		maybe("replace.null.with.default", booleans...)
	case 3:
		name = "Flatten" + side
		maybe("delimiter", ".", "_", "")
	case 4:
		name = "HeaderFrom" + side
		n := 1 + c.IntN(2)
		config["fields"], config["headers"] = strings.Join(fieldNames[:n], ","), strings.Join(fieldNames[2:2+n], ",")
		set("operation", "copy", "move")
		maybe("replace.null.with.default", booleans...)
	case 5:
		name = "HoistField" + side
		set("field", "h", "a b")
	case 6, 7:
		name = "InsertField" + side
		for _, key := range []string{"topic.field", "partition.field", "offset.field", "timestamp.field"} {
			maybe(key, "a", "x", "y!", "z?")
		}
		if c.one(2) {
			set("static.field", "s", "s!", "s?", "b")
			set("static.value", "v", "")
		}
		maybe("replace.null.with.default", booleans...)
	case 8:
		name = "InsertHeader"
		set("header", "h", "a")
		config["value.literal"] = c.text()
	case 9:
		name = "DropHeaders"
		config["headers"] = fields(3)
	case 10, 11:
		name = "MaskField" + side
		set("fields", "a", "b", "a,b", "a,c,d") // in the order of Java's hash set
		maybe("replacement", "***", "0", "12", "-1.5", "x")
		maybe("replace.null.with.default", booleans...)
	case 12:
		name = "RegexRouter"
		set("regex", "(.*)", "shop\\.(\\w+)\\.(\\w+)", "t", "(?<n>t)", "(?i)T", ".*\\.([^.]+)", "[a-z&&[^x]]+.*")
		set("replacement", "$1", "x-$0", "a$1b", "\\$1", "${n}", "y", "$")
	case 13:
		name = "ReplaceField" + side
		if c.one(2) {
			config["exclude"] = fields(3)
		}
		if c.one(2) {
			config["include"] = fields(4)
		}
		maybe("renames", "a:x", "a:b,b:a", "a:x,b:y", "c:a", "z:q")
		maybe("replace.null.with.default", booleans...)
	case 14:
		name = "SetSchemaMetadata" + side
		maybe("schema.name", "new", "")
		maybe("schema.version", "3", "0", "-1")
		maybe("replace.null.with.default", booleans...)
	case 15, 16:
		name = "TimestampConverter" + side
		set("target.type", "string", "unix", "Date", "Time", "Timestamp")
		maybe("field", "a", "b", "c")
		set("format", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSSX", "HH:mm:ss", "EEE, d MMM yyyy HH:mm:ss Z", "yyyy-MM-dd HH:mm:ss", "yyDDD", "")
		maybe("unix.precision", "seconds", "milliseconds", "microseconds", "nanoseconds")
		maybe("replace.null.with.default", booleans...)
	default:
		name = pick(c, "ValueToKey", "TimestampRouter", "predicates.HasHeaderKey", "predicates.RecordIsTombstone", "predicates.TopicNameMatches")
		switch name {
		case "ValueToKey":
			config["fields"] = fields(2)
			maybe("replace.null.with.default", booleans...)
		case "TimestampRouter":
			maybe("topic.format", "${topic}-${timestamp}", "${timestamp}", "x$1${topic}")
			maybe("timestamp.format", "yyyyMMdd", "yyyy-'w'ww", "MMM yy G", "u E a h:mm")
		case "predicates.HasHeaderKey":
			set("name", fieldNames...)
		case "predicates.TopicNameMatches":
			set("pattern", "t", ".*orders", "(?i)T|u")
		}
	}
	return object{"class": connectPackage + "transforms." + name, "config": config, "input": c.record()}
}
