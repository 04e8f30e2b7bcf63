// Package config declares configuration keys once: parsing, validation as the
// REST API answers it, documentation and web forms all come from one [Def].
//
// A plugin binds keys to the fields of its own struct:
//
//	func (c *Config) Define(d *config.Def) {
//		d.Int(&c.BatchSize, "batch.size").Default(3000).Check(config.AtLeast(0)).
//			Importance(config.Medium).Group("Writes").Label("Batch Size").Width(config.Short).
//			Doc("Largest number of records written in one statement.")
//	}
//
// and gets values, defaults and checks by config.Parse(c, props). Names,
// defaults, importance, groups, order and error texts are those of the Java
// plugin (org.apache.kafka.common.config.ConfigDef), word for word; only the
// documentation texts are our own.
//
// The package imports the standard library only. Java-style regular expressions
// are handed to it as a [Check].
package config
