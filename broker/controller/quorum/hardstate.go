package quorum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/leat-project/leat/internal/vfs"
)

// quorumStateFile holds term and vote in Kafka's form (QuorumStateData version
// 1), one line of JSON:
//
//	{"leaderId":1,"leaderEpoch":3,"votedId":1,"votedDirectoryId":"...","data_version":1}
//
// leaderEpoch is raft's term. The commit index is not kept: raft finds it
// again, and a state machine starts from its snapshot.
const quorumStateFile = "quorum-state"

// maxQuorumState bounds the file, in bytes.
const maxQuorumState = 4096

type quorumState struct {
	LeaderID         int32  `json:"leaderId"` // -1 unknown
	LeaderEpoch      int32  `json:"leaderEpoch"`
	VotedID          int32  `json:"votedId"` // -1 none
	VotedDirectoryID string `json:"votedDirectoryId"`
	DataVersion      int16  `json:"data_version"`
}

// noDirectory is the zero UUID.
const noDirectory = "AAAAAAAAAAAAAAAAAAAAAA"

// readQuorumState returns the state on disk; of a log that has none yet, that
// of a node which never voted.
func readQuorumState(fsys vfs.FS, dir string) (quorumState, error) {
	st := quorumState{LeaderID: -1, VotedID: -1, VotedDirectoryID: noDirectory, DataVersion: 1}
	path := filepath.Join(dir, quorumStateFile)
	data, err := vfs.ReadFile(fsys, path, maxQuorumState)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, fmt.Errorf("reading the raft state: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	st.DataVersion = 0
	err = dec.Decode(&st)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("something follows at position %d", dec.InputOffset())
		}
	}
	if err != nil {
		return st, fmt.Errorf("%s is no quorum state: %w: restore the file from a backup; on a cluster of one node it may be removed", path, err)
	}
	if st.DataVersion != 1 || st.LeaderEpoch < 0 {
		return st, fmt.Errorf("%s has data_version %d and leaderEpoch %d, expected version 1 and an epoch of at least 0", path, st.DataVersion, st.LeaderEpoch)
	}
	return st, nil
}

func (st quorumState) write(fsys vfs.FS, dir string) error {
	st.DataVersion = 1
	data, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return vfs.WriteFileAtomic(fsys, filepath.Join(dir, quorumStateFile), append(data, '\n'))
}
