// Package clients holds the tests of the broker with the clients of others:
// one table of scenarios, run by each client against the plain binary.
//
// A client is driven through a program of its own, which keeps to its usual
// way of doing a thing: godriver (franz-go and sarama; a module of its own, so
// that the product's does not grow) and testdata/driver.py (confluent-kafka,
// which is librdkafka, and kafka-python). The scenarios and all that is checked
// are here, once: drivers only do what they are told and say what came out.
//
// A driver reads requests from its input, one JSON object a line, and writes
// answers to its output, in any order:
//
//	{"id": 7, "on": "c1", "op": "poll", "args": {"millis": 500}}
//	{"id": 7, "result": {"records": [...], "assigned": [0, 1]}}
//	{"id": 7, "error": "poll: ..."}
//
// Requests of one handle ("on") are carried out in order, handles run side by
// side: a member of a group or a transactional producer is a handle.
//
// Under load a client's own races show (a member of kafka-python that misses
// its assignment): the driver goes around them and says which, where it does.
//
// kcat has no such driver: it reads what the others wrote (TestClients).
package clients
