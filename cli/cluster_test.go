package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/brokertest"
)

func TestCluster(t *testing.T) {
	b := brokertest.Start(t, nil)
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	id := strings.TrimSpace(s.ok("", "cluster", "id").out)
	if len(id) != 22 {
		t.Errorf("id: %q", id)
	}
	if got := decode[struct {
		ID string `json:"cluster_id"`
	}](t, s.ok("", "cluster", "id", "-o", "json").out); got.ID != id {
		t.Errorf("id as JSON: %q, want %q", got.ID, id)
	}
	if r := s.ok("", "cluster", "brokers"); !strings.Contains(r.out, "127.0.0.1") || !strings.Contains(r.out, "unfenced  yes") {
		t.Errorf("brokers: %s", r.out)
	}
	type apis []struct {
		Broker int32
		APIs   []struct {
			Key      int16
			Name     string
			Min, Max int16
		}
	}
	found := false
	for _, a := range decode[apis](t, s.ok("", "cluster", "api-versions", "-o", "json").out)[0].APIs {
		found = found || a.Key == 18 && a.Name == "ApiVersions" && a.Min == 0 && a.Max >= 4
	}
	if r := s.ok("", "cluster", "api-versions"); !found || !strings.Contains(r.out, "18   ApiVersions") {
		t.Errorf("api-versions: %v, %s", found, r.out)
	}

	type quorum struct {
		ClusterID string `json:"cluster_id"`
		LeaderID  int32  `json:"leader_id"`
		Replicas  []struct {
			NodeID int32 `json:"node_id"`
			Status string
			Lag    int64
		}
	}
	q := decode[quorum](t, s.ok("", "cluster", "quorum", "-o", "json").out)
	if q.ClusterID != id || q.LeaderID != 1 || len(q.Replicas) != 1 || q.Replicas[0].Status != "Leader" || q.Replicas[0].Lag != 0 {
		t.Errorf("quorum: %+v", q)
	}
	if r := s.ok("", "cluster", "quorum"); !strings.Contains(r.out, "max follower lag      0") {
		t.Errorf("quorum: %s", r.out)
	}
	if r := s.ok("", "cluster", "quorum", "--replication"); !strings.Contains(r.out, "Leader") {
		t.Errorf("quorum --replication: %s", r.out)
	}
	for _, wrong := range [][]string{{}, {"--id", "x"}, {"--id", "-3"}, {"77"}} {
		if r := s.run("", append([]string{"cluster", "unregister"}, wrong...)...); r.code != 2 {
			t.Errorf("unregister %v: exit code %d: %s", wrong, r.code, r.err)
		}
	}
	s.steps("cluster", []step{
		{"", "unregister --id 77", 3, "", "broker 77 is not registered"},
		{"", "unregister --id 77 --force --dry-run", 3, "", "broker 77 is not registered"},
		{"", "unregister --id 1", 4, "", "broker 1 is alive at 127.0.0.1:"},
		{"", "unregister --id 1 --dry-run", 4, "", "--force"},
		{"", "unregister --id 1 --dry-run --force", 0, "", "broker 1 would be unregistered; dry run, nothing is"},
		{"", "unregister --id 1 --force", 6, "", "Broker 1 is running"}, // this broker refuses it in any case
	})
	s.ok("", "topic", "create", "t") // it is still there
}

func TestClusterFeatures(t *testing.T) {
	b := brokertest.Start(t, nil)
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	level := func(name string) (level, supported int16) {
		for _, f := range decode[[]struct {
			Feature   string
			Max       int16 `json:"supported_max"`
			Finalized int16
		}](t, s.ok("", "cluster", "features", "-o", "json").out) {
			if f.Feature == name {
				return f.Finalized, f.Max
			}
		}
		t.Fatalf("no feature %s", name)
		return 0, 0
	}
	if r := s.ok("", "cluster", "features", "describe"); !strings.Contains(r.out, "transaction.version") {
		t.Errorf("features: %s", r.out)
	}
	if l, _ := level("group.version"); l != 1 {
		t.Errorf("group.version is %d, want 1", l)
	}
	s.ok("", "cluster", "features", "downgrade", "group.version=0", "--dry-run")
	if l, _ := level("group.version"); l != 1 {
		t.Errorf("the dry run left group.version at %d", l)
	}
	s.ok("", "cluster", "features", "downgrade", "group.version=0")
	if l, _ := level("group.version"); l != 0 {
		t.Errorf("after the downgrade group.version is %d", l)
	}
	s.ok("", "cluster", "features", "upgrade", "group.version=1")
	if l, _ := level("group.version"); l != 1 {
		t.Errorf("after the upgrade group.version is %d", l)
	}
	for _, c := range []struct {
		code int
		args []string
	}{{2, []string{"upgrade", "group.version"}}, {2, []string{"upgrade", "group.version=0"}}, {6, []string{"upgrade", "group.version=99"}}, {6, []string{"upgrade", "nope=1"}}} {
		if r := s.run("", append([]string{"cluster", "features"}, c.args...)...); r.code != c.code {
			t.Errorf("%q: exit code %d: %s, want %d", c.args, r.code, r.err, c.code)
		}
	}
}

func TestLogDirs(t *testing.T) {
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	b := brokertest.Start(t, map[string]string{"log.dirs": strings.Join(dirs, ",")})
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	s.ok("", "topic", "create", "orders", "-p", "4")
	s.ok("a\nb\nc\n", "topic", "produce", "orders", "-p", "2")
	type dir []struct {
		Dir        string
		Total      int64 `json:"total_bytes"`
		Usable     int64 `json:"usable_bytes"`
		Size       int64
		Partitions []struct {
			Topic     string
			Partition int32
			Size      int64
		}
	}
	got := decode[dir](t, s.ok("", "log", "dirs", "--topic", "orders", "-o", "json").out)
	if len(got) != 2 || len(got[0].Partitions)+len(got[1].Partitions) != 4 || len(got[0].Partitions) == 0 || len(got[1].Partitions) == 0 {
		t.Fatalf("dirs: %+v", got)
	}
	var size int64
	for _, d := range got {
		if d.Total <= 0 || d.Usable <= 0 || d.Usable > d.Total {
			t.Errorf("%s has %d of %d bytes usable", d.Dir, d.Usable, d.Total)
		}
		size += d.Size
	}
	if size == 0 {
		t.Error("no sizes")
	}
	if r := s.ok("", "log", "dirs", "--broker", "1"); !strings.Contains(r.out, "orders-2") || !strings.Contains(r.out, "usable") {
		t.Errorf("dirs: %s", r.out)
	}
	if r := s.run("", "log", "dirs", "--broker", "9"); r.code != 3 {
		t.Errorf("unknown broker: exit code %d: %s", r.code, r.err)
	}
	if r := s.run("", "log", "dirs", "--topic", "nope"); r.code != 3 {
		t.Errorf("unknown topic: exit code %d: %s", r.code, r.err)
	}
}
