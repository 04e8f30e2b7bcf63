package validate

import (
	"cmp"
	"slices"
	"strings"
)

// redact puts references to configuration providers back where the report shows
// what they resolved to: a value may be a secret whatever its key's type. Kafka
// replaces whole messages; here only the resolved text in them is replaced.
func (i *Infos) redact(posted, resolved map[string]string) {
	type secret struct{ key, text, reference string }
	var secrets []secret
	for key, reference := range posted {
		if text := resolved[key]; text != reference && text != "" {
			secrets = append(secrets, secret{key, text, reference})
		}
	}
	// A longer text may hold a shorter one.
	slices.SortFunc(secrets, func(a, b secret) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.key, b.key))
	})
	for c := range i.Configs {
		v := &i.Configs[c].Value
		for _, s := range secrets {
			own := v.Name == s.key
			if own && v.Value != nil {
				v.Value = &s.reference
			}
			// Short texts are in every other message by chance.
			if !own && len(s.text) < 4 {
				continue
			}
			for e := range v.Errors {
				v.Errors[e] = strings.ReplaceAll(v.Errors[e], s.text, s.reference)
			}
		}
	}
}
