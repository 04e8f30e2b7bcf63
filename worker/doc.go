// Package worker is one Connect worker: it wires the stores, the herder and what
// tasks need, for distributed mode (internal topics in Kafka) and standalone mode
// (configurations and statuses in memory, source offsets in a file).
//
//	model     task ids, states, REST entities, request errors
//	conf      the worker's configuration and its Kafka clients' properties
//	provider  ${file:...}, ${env:...}, ${dir:...}
//	assign    who runs what
//	claim     one worker alone in its group.id
//	store     configurations, offsets and statuses as logs of records
//	herder    the control loop
//	pipeline  transforms, converters, errors
//	task      source and sink loops
//	validate  configurations before they are written
//
// The REST API is given the worker's [herder.Herder].
package worker
