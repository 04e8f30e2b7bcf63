package clients

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/debtool"
)

// installTime bounds what is fetched and built at the first run.
const installTime = 5 * time.Minute

// wheels are what the Python drivers need; confluent-kafka's brings librdkafka.
var wheels = []string{
	"confluent-kafka==2.16.1", "kafka-python==3.0.12",
	"lz4==4.4.5", "python-snappy==0.7.3", "zstandard==0.25.0", // codecs of kafka-python
}

// goDriver builds godriver and returns its path.
func goDriver(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTime)
	defer cancel()
	bin := filepath.Join(t.TempDir(), "godriver")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, ".")
	cmd.Dir = "godriver"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building godriver: %v\n%s", err, out)
	}
	return bin
}

// python returns a python3 that has pip and its environment: the machine's,
// else one unpacked into the cache.
func python(ctx context.Context) (path string, env []string, err error) {
	env = os.Environ()
	if path, err := exec.LookPath("python3"); err == nil && run(ctx, env, path, "-m", "pip", "--version") == nil {
		return path, env, nil
	}
	tree, err := debtool.Fetch(ctx, "python3-pip", []string{"python3", "python3-pip"}, nil)
	if err != nil {
		return "", nil, err
	}
	env = append(tree.Env(), "PYTHONPATH="+tree.Path("usr/lib/python3/dist-packages"))
	// Where Python is installed and only pip is not, the tree holds no more than pip.
	if path = tree.Path("usr/bin/python3"); run(ctx, env, path, "--version") != nil {
		if path, err = exec.LookPath("python3"); err != nil {
			return "", nil, err
		}
	}
	return path, env, nil
}

func run(ctx context.Context, env []string, name string, words ...string) error {
	cmd := exec.CommandContext(ctx, name, words...)
	cmd.Env = env
	return cmd.Run()
}

// pythonClients returns a python3 and the environment in which it finds the
// clients. They are installed once into a folder of the cache that is named
// after their versions and Python's.
func pythonClients(t *testing.T) (path string, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTime)
	defer cancel()
	path, env, err := python(ctx)
	if err != nil {
		t.Fatalf("getting python3 with pip: %v", err)
	}
	dir, err := installWheels(ctx, path, env)
	if err != nil {
		t.Fatal(err)
	}
	return path, append(env, "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1")
}

func installWheels(ctx context.Context, python string, env []string) (dir string, err error) {
	cache, err := debtool.CacheDir()
	if err != nil {
		return "", err
	}
	asked := exec.CommandContext(ctx, python, "--version")
	asked.Env = env
	version, err := asked.Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", python, err)
	}
	name := sha256.Sum256([]byte(string(version) + strings.Join(wheels, " ")))
	dir = filepath.Join(cache, "python", fmt.Sprintf("clients-%x", name[:6]))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := debtool.Lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// The folder gets its name when it is whole.
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	words := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--target", part}, wheels...)
	cmd := exec.CommandContext(ctx, python, words...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing %s: %w\n%s", strings.Join(wheels, " "), err, out)
	}
	return dir, os.Rename(part, dir)
}
