// Package herder is the control loop of a worker: it compares what the config store
// says should run with what runs here and starts, stops, pauses and reconfigures
// connectors and tasks until the two agree. It also carries out the requests of the
// REST API ([Herder] has rest.Herder's methods).
//
// One goroutine owns what runs. Everything that happens (an applied config record,
// a task that ended, a connector's new task configurations, a request) is queued to
// it, changes the state a little, and is followed by the pure function plan, which
// says what is left to do. Plugin code never runs on this goroutine.
//
// Non-obvious:
//   - The store is the truth: a request writes and waits until the write was read
//     back; the effect comes from the applied record, not from the request.
//   - The queue has no bound: appliers of the log must never wait for the loop,
//     which itself waits for the log when it writes.
//   - A failed task stays in the table so that nothing starts it again; a restart,
//     a new task configuration or its removal takes it out.
//   - Target STOPPED first empties the task list, so stopped connectors have none.
package herder
