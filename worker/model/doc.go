// Package model holds the words that the worker, the REST API and the stores
// share: task ids, states, the entities that the Connect REST API answers with,
// and the kinds of errors a request can end with. It is pure: no I/O, no
// goroutines, nothing of Kafka's client.
package model
