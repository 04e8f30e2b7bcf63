// Command demo plays Leat's main job on this machine and shows it: rows and
// their changes travel from one PostgreSQL database through the broker inside
// `leat run` into another, while leat is killed with SIGKILL and started again.
//
//	go run ./demo            play it, compare, stop everything
//	go run ./demo -up        the same, left running
//	go run ./demo -down      stop what -up left running
//
// It knows leat only as a user does: the binary, REST and the Kafka protocol.
// Its exit status is 0 only if source and target are equal row by row.
//
// Parts: play.go is the script, stage.go the servers and their folder, leat.go
// the process, connectors.go REST, changes.go the load, watch.go the measuring,
// compare.go the comparison, screen.go the output.
package main
