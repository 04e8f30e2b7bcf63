// Package controller owns the cluster's metadata: topics, partitions, their
// leaders, configurations and blocks of producer ids.
//
// Every change is a list of metadata records in Kafka's own format (KRaft's
// metadata/*.json), committed through the metadata log, __cluster_metadata-0.
// Changes that wait at the same time are planned one after the other, each on
// the image that the ones before it lead to, and committed as one group: one
// record batch, one flush, all of it or nothing. The order is: validate against
// the latest Image, apply to a draft, append, wait until the group is
// committed, tell the broker (Config.Apply, which creates and deletes partition
// logs), publish the Image, answer. Whatever was answered is therefore in the
// log, in the Image, and has its partition folders.
//
// An Image is immutable. A request takes one with Controller.Image and uses
// it throughout, so that it never sees a mix of two states.
//
// The log stands behind the Log interface: package quorum, a voter of a raft
// group, here its only one. It calls Controller back with what is committed,
// whoever proposed it; so on a node that follows, images move by the same code.
//
// A snapshot of the log is the image written as records. The cost of a change
// does not grow with the number of topics: drafts share the shards of their
// maps (cow) with the image that they come from.
package controller
