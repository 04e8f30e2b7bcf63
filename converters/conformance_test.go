package converters_test

import (
	"testing"

	"github.com/leat-project/leat/connect/connecttest"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
)

func TestConformance(t *testing.T) {
	var reg plugin.Registry
	converters.Register(&reg)
	connecttest.Definitions(t, &reg)
	connecttest.Converters(t, &reg)
}
