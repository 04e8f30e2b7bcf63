// Package validate checks a connector configuration before it is written, as
// Kafka Connect's AbstractHerder.validateConnectorConfig does: the framework's
// keys, those of transforms, predicates and topic creation groups, the
// connector's own, converters, and client overrides under a policy. The report
// ([Infos]) is the body of PUT /connector-plugins/{type}/config/validate; the
// herder refuses a write with [Infos.Err].
//
// A [Validator] is a function of the registry and the configuration; only a
// connector's own Validate reaches out (it may dial its database). Names,
// defaults, groups, order and messages are Java's and are guarded by fixtures.
package validate
