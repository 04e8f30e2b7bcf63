package child_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/child"
)

const patience = 2 * time.Minute

func start(t *testing.T, command string) *child.Process {
	t.Helper()
	p, err := child.Start(exec.Command("sh", "-c", command), child.Life{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestKill(t *testing.T) {
	p := start(t, "exec sleep 1000")
	if !p.Alive() || !child.Lives(p.Pid) {
		t.Fatal("the child does not live after its start")
	}
	pids, err := child.Of(os.Getpid())
	if err != nil || len(pids) == 0 {
		t.Fatalf("Of(this process) = %v, %v; want the child in it", pids, err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("Err after Kill = %v, want signal: killed", p.Err())
	}
	if err := child.WaitGone(patience, p.Pid); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(os.Interrupt); err != nil {
		t.Fatalf("signalling an ended child: %v, want nil", err)
	}
}

func TestExitStatus(t *testing.T) {
	p := start(t, "exit 3")
	if !p.Wait(patience) {
		t.Fatal("the child did not end")
	}
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.ExitCode() != 3 {
		t.Fatalf("Err = %v, want exit status 3", p.Err())
	}
}

func TestStartNamesTheMissingProgram(t *testing.T) {
	if _, err := child.Start(exec.Command("/no/such/program"), child.Life{}); err == nil {
		t.Fatal("starting a missing program succeeded")
	}
}

// TestChildDiesWithItsParent has a copy of this test start a child and then
// kills the copy: the grandchild must go, too.
func TestChildDiesWithItsParent(t *testing.T) {
	if os.Getenv("CHILD_TEST_PARENT") != "" {
		p := start(t, "exec sleep 1000")
		if err := os.WriteFile(os.Getenv("CHILD_TEST_PARENT"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
	}
	mark := t.TempDir() + "/started"
	cmd := exec.Command(os.Args[0], "-test.run", "^TestChildDiesWithItsParent$")
	cmd.Env = append(os.Environ(), "CHILD_TEST_PARENT="+mark)
	parent, err := child.Start(cmd, child.Life{})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for _, err := os.Stat(mark); err != nil; _, err = os.Stat(mark) {
		if time.Now().After(deadline) {
			t.Fatal("the copy started no child")
		}
		parent.Wait(5 * time.Millisecond)
	}
	grandchildren, err := child.Of(parent.Pid)
	if err != nil || len(grandchildren) != 1 {
		t.Fatalf("children of the copy: %v, %v; want one", grandchildren, err)
	}
	if err := parent.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.WaitGone(patience, grandchildren...); err != nil {
		t.Fatal(err)
	}
}
