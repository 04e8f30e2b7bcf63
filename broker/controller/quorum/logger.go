package quorum

import (
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
)

// raftLog passes what the raft library says on to slog. Its chatter about
// elections is for those who debug one.
type raftLog struct{ log *slog.Logger }

var _ raft.Logger = raftLog{}

func (l raftLog) Debug(v ...any)                   { l.log.Debug("raft", "says", lazy{"", v}) }
func (l raftLog) Debugf(format string, v ...any)   { l.log.Debug("raft", "says", lazy{format, v}) }
func (l raftLog) Info(v ...any)                    { l.log.Debug("raft", "says", lazy{"", v}) }
func (l raftLog) Infof(format string, v ...any)    { l.log.Debug("raft", "says", lazy{format, v}) }
func (l raftLog) Warning(v ...any)                 { l.log.Warn("raft", "says", lazy{"", v}) }
func (l raftLog) Warningf(format string, v ...any) { l.log.Warn("raft", "says", lazy{format, v}) }
func (l raftLog) Error(v ...any)                   { l.log.Error("raft", "says", lazy{"", v}) }
func (l raftLog) Errorf(format string, v ...any)   { l.log.Error("raft", "says", lazy{format, v}) }
func (l raftLog) Fatal(v ...any)                   { l.Panic(v...) }
func (l raftLog) Fatalf(format string, v ...any)   { l.Panicf(format, v...) }
func (l raftLog) Panic(v ...any)                   { panic("raft: " + fmt.Sprint(v...)) }
func (l raftLog) Panicf(format string, v ...any)   { panic("raft: " + fmt.Sprintf(format, v...)) }

// lazy is a message that is formatted only if it is written.
type lazy struct {
	format string
	args   []any
}

func (m lazy) LogValue() slog.Value {
	if m.format == "" {
		return slog.StringValue(fmt.Sprint(m.args...))
	}
	return slog.StringValue(fmt.Sprintf(m.format, m.args...))
}
