package transforms_test

import (
	"testing"

	"github.com/leat-project/leat/connect/connecttest"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/transforms"
)

// open lists the classes of the fixtures that are not built yet. It only shrinks.
var open = map[string]string{}

// impossible lists cases that cannot be expressed here.
var impossible = map[string]string{
	"topicname-config-005":    "a null in the configuration: ours has none",
	"hoistfield-config-003":   "a null in the configuration: ours has none",
	"extractfield-config-010": "a null in the configuration: ours has none",
}

func TestFixturesTransforms(t *testing.T) {
	var reg plugin.Registry
	transforms.Register(&reg)
	connecttest.TransformFixtures(t, &reg, "transforms.jsonl", open, impossible)
}
