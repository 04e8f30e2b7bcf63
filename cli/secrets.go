package cli

import (
	"context"
	"maps"
	"strings"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/rest/client"
	"github.com/leat-project/leat/worker/model"
)

// hidden stands for a secret, as Kafka's Password prints itself.
const hidden = "[hidden]"

// hideSecrets returns a copy of a configuration without the values of PASSWORD
// keys: those that the connector declares, and those of clients, converters and
// transforms, which are known by their names. References to configuration
// providers are no secrets.
func (a *api) hideSecrets(ctx context.Context, c *client.Client, props model.Config) model.Config {
	if a.secrets {
		return props
	}
	declared := map[string]bool{}
	keys, err := c.Keys(ctx, props.Text("connector.class"))
	if err != nil {
		keys = nil // names alone decide, which errs on the side of hiding
	}
	for _, k := range keys {
		declared[k.Name] = k.Type == "PASSWORD"
	}
	out, masked := maps.Clone(props), hidden
	for name, v := range out {
		secret, known := declared[name]
		if (secret || (!known && config.SoundsSecret(name))) && v != nil && !isReference(*v) {
			out[name] = &masked
		}
	}
	return out
}

func isReference(v string) bool {
	return strings.HasPrefix(v, "${") && strings.HasSuffix(v, "}") && strings.Count(v, "}") == 1
}
