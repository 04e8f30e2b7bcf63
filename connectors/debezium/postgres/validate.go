package postgres

import (
	"context"

	"github.com/leat-project/leat/connect/config"
)

func validate(ctx context.Context, props map[string]string, r *config.Result) {
	// A key that is wrong by itself has its error; the others are compared all
	// the same, as in Debezium.
	var c Config
	wrong := config.Parse(&c, props) != nil
	for _, p := range c.problems(props) {
		if wrong && len(r.Value(p.key).Errors) > 0 {
			continue
		}
		r.AddError(p.key, config.FieldError(p.key, p.text).Error())
	}
	preflight(ctx, props, r)
}
