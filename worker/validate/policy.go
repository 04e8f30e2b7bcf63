package validate

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is connector.client.config.override.policy: which client settings a
// connector may override. A nil Policy allows all.
type Policy struct {
	name    string
	allowed []string
}

// PolicyPackage begins the class names of policies.
const PolicyPackage = "org.apache.kafka.connect.connector.policy."

// NewPolicy returns the policy of a class name or alias (All, None, Principal,
// Allowlist; KIP-458, KIP-1188). allowlist is
// connector.client.config.override.allowlist.
func NewPolicy(class string, allowlist []string) (*Policy, error) {
	name := strings.TrimPrefix(class, PolicyPackage)
	name = strings.TrimSuffix(name, "ConnectorClientConfigOverridePolicy")
	switch name {
	case "All", "":
		return nil, nil
	case "None":
		return &Policy{name: name}, nil
	case "Principal":
		return &Policy{name: name, allowed: []string{"security.protocol", "sasl.jaas.config", "sasl.mechanism"}}, nil
	case "Allowlist":
		return &Policy{name: name, allowed: allowlist}, nil
	}
	return nil, fmt.Errorf("connector.client.config.override.policy: %q is not one of All, None, Principal, Allowlist", class)
}

// refuse returns Java's message for a setting that is not allowed, else "".
func (p *Policy) refuse(setting string) string {
	if p == nil || slices.Contains(p.allowed, setting) {
		return ""
	}
	return fmt.Sprintf("The '%s' policy does not allow '%s' to be overridden in the connector configuration.", p.name, setting)
}
