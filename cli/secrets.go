package cli

import (
	"context"
	"maps"
	"strings"

	"github.com/leat-project/leat/rest/client"
)

// hidden stands for a secret, as Kafka's Password prints itself.
const hidden = "[hidden]"

// hideSecrets returns a copy of a configuration without the values of PASSWORD
// keys: those that the connector declares, and those of clients, converters and
// transforms, which are known by their names. References to configuration
// providers are no secrets.
func (a *api) hideSecrets(ctx context.Context, c *client.Client, config map[string]string) map[string]string {
	if a.secrets {
		return config
	}
	declared := map[string]bool{}
	keys, err := c.Keys(ctx, config["connector.class"])
	if err != nil {
		keys = nil // names alone decide, which errs on the side of hiding
	}
	for _, k := range keys {
		declared[k.Name] = k.Type == "PASSWORD"
	}
	out := maps.Clone(config)
	for name, v := range out {
		secret, known := declared[name]
		if (secret || (!known && soundsSecret(name))) && !isReference(v) {
			out[name] = hidden
		}
	}
	return out
}

// secretWords are parts of names of keys that hold secrets.
var secretWords = []string{"password", "secret", "token", "sasl.jaas.config", "credential", "private.key",
	"ssl.keystore.key", "ssl.key", "api.key", "basic.auth.user.info"}

func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

func isReference(v string) bool {
	return strings.HasPrefix(v, "${") && strings.HasSuffix(v, "}") && strings.Count(v, "}") == 1
}
