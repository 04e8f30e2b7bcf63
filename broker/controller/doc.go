// Package controller owns the cluster's metadata: topics, partitions, their
// leaders, configurations and blocks of producer ids.
//
// Every change is a list of metadata records in Kafka's own format (KRaft's
// metadata/*.json) appended to the metadata log, __cluster_metadata-0. One
// record batch holds one change, so that a torn tail cuts whole changes only.
// The order is: validate against the current Image, append, wait until the
// batch is committed, apply to a new Image, tell the broker (Config.Apply,
// which creates and deletes partition logs), publish the Image, answer.
// Whatever was answered is therefore in the log, in the Image, and has its
// partition folders.
//
// An Image is immutable. A request takes one with Controller.Image and uses
// it throughout, so that it never sees a mix of two states.
//
// The log stands behind the Log interface. With one voter a change is
// committed when it is flushed; a replicated log answers Append when a
// majority has it, and nothing else changes here.
package controller
