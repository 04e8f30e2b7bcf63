package peers

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/leat-project/leat/internal/debtool"
)

//go:embed kafka.pom.xml
var kafkaPom []byte

// mavenPlugin copies the jars; the version is pinned so that runs are alike.
const mavenPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// Kafka is an installed set of Apache Kafka's jars.
type Kafka struct {
	// Jars is the folder that holds them.
	Jars string
}

// Fetch returns Kafka's jars from the cache, after fetching them with Maven at
// the first call. It needs java (17 or later) and mvn on PATH.
func Fetch(ctx context.Context) (*Kafka, error) {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, errors.New("the command " + program + " is missing: install Java 17 or later and Maven (openjdk-17-jre-headless, maven)")
		}
	}
	cache, err := debtool.CacheDir()
	if err != nil {
		return nil, err
	}
	base := filepath.Join(cache, "kafka-tools")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	unlock, err := debtool.Lock(filepath.Join(base, ".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	k := &Kafka{Jars: filepath.Join(base, "jars")}
	if upToDate(base) {
		return k, nil
	}
	if err := k.copyJars(ctx, base); err != nil {
		return nil, fmt.Errorf("fetching Apache Kafka's jars: %w", err)
	}
	return k, nil
}

// upToDate compares the pom that the jars were fetched by with ours: it is
// written there last.
func upToDate(base string) bool {
	used, err := os.ReadFile(filepath.Join(base, "fetched.pom.xml"))
	return err == nil && string(used) == string(kafkaPom)
}

func (k *Kafka) copyJars(ctx context.Context, base string) error {
	build := filepath.Join(base, "build")
	if err := errors.Join(os.RemoveAll(k.Jars), os.MkdirAll(build, 0o755)); err != nil {
		return err
	}
	pom := filepath.Join(build, "pom.xml")
	if err := os.WriteFile(pom, kafkaPom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-Dstyle.color=never", "-f", pom, mavenPlugin, "-DincludeScope=runtime", "-DoutputDirectory="+k.Jars)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running mvn: %w\n%s", err, out)
	}
	return os.WriteFile(filepath.Join(base, "fetched.pom.xml"), kafkaPom, 0o644)
}

// Tool returns the command line of one of Kafka's programs, named by the class
// that its kafka-*.sh script runs.
func (k *Kafka) Tool(ctx context.Context, class string, args ...string) *exec.Cmd {
	java := []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(k.Jars, "*"), class}
	return exec.CommandContext(ctx, "java", append(java, args...)...)
}
