package transforms_test

import (
	"testing"

	"github.com/leat-project/leat/connect/connecttest"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/transforms"
)

const pkg = "org.apache.kafka.connect.transforms."

// props are what classes need that have no default for everything.
func props() map[string]map[string]string {
	out := map[string]map[string]string{
		pkg + "DropHeaders":  {"headers": "h"},
		pkg + "InsertHeader": {"header": "h", "value.literal": "[1,2]"},
		pkg + "RegexRouter":  {"regex": "(.*)", "replacement": "$1-x"},
		pkg + "ValueToKey":   {"fields": "i64"},
	}
	for class, p := range map[string]map[string]string{
		"Cast": {"spec": "i8:int64,toast:string,s:string"}, "ExtractField": {"field": "in"}, "HeaderFrom": {"fields": "s", "headers": "h", "operation": "move"},
		"HoistField": {"field": "f"}, "InsertField": {"topic.field": "t"}, "MaskField": {"fields": "s,toast"},
		"SetSchemaMetadata": {"schema.name": "n"}, "TimestampConverter": {"field": "toast", "target.type": "unix", "format": "yyyy"},
		"ReplaceField": {"renames": "s:t"}, "Flatten": {},
	} {
		out[pkg+class+"$Key"], out[pkg+class+"$Value"] = p, p
	}
	return out
}

func TestConformance(t *testing.T) {
	var reg plugin.Registry
	transforms.Register(&reg)
	connecttest.Definitions(t, &reg)
	connecttest.Transforms(t, &reg, props())
}
