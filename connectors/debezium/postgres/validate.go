package postgres

import (
	"context"

	"github.com/leat-project/leat/connect/config"
)

func validate(_ context.Context, props map[string]string, r *config.Result) {
	var c Config
	if err := config.Parse(&c, props); err != nil {
		return // each key has its error
	}
	for _, p := range c.problems(props) {
		r.AddError(p.key, config.FieldError(p.key, p.text).Error())
	}
}
