package peers

import (
	"context"
	"crypto/sha256"
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

//go:embed debezium.pom.xml
var debeziumPom []byte

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
	jars, err := fetch(ctx, "kafka", kafkaPom)
	if err != nil {
		return nil, err
	}
	return &Kafka{Jars: jars}, nil
}

// FetchDebezium returns a folder for Connect's plugin.path with Debezium's
// PostgreSQL source and JDBC sink.
func FetchDebezium(ctx context.Context) (string, error) {
	return fetch(ctx, "debezium", debeziumPom)
}

// fetch returns the folder with the jars of a pom and of what they depend on.
// Its name has a digest of the pom: a changed pom gets a folder of its own, and
// nobody's jars are taken away while programs run from them.
func fetch(ctx context.Context, name string, pom []byte) (string, error) {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", errors.New("the command " + program + " is missing: install Java 17 or later and Maven (openjdk-17-jre-headless, maven)")
		}
	}
	cache, err := debtool.CacheDir()
	if err != nil {
		return "", err
	}
	base := filepath.Join(cache, "peers")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	unlock, err := debtool.Lock(filepath.Join(base, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	jars := filepath.Join(base, fmt.Sprintf("%s-%.6x", name, sha256.Sum256(pom)))
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	if err := copyJars(ctx, pom, jars); err != nil {
		return "", fmt.Errorf("fetching the jars of %s: %w", name, err)
	}
	return jars, nil
}

// copyJars fills a folder that appears only when it is complete.
func copyJars(ctx context.Context, pom []byte, jars string) error {
	build, err := os.MkdirTemp(filepath.Dir(jars), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	file, fresh := filepath.Join(build, "pom.xml"), filepath.Join(build, "jars")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-Dstyle.color=never", "-f", file, mavenPlugin, "-DincludeScope=runtime", "-DoutputDirectory="+fresh)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running mvn: %w\n%s", err, out)
	}
	return os.Rename(fresh, jars)
}

// Tool returns the command line of one of Kafka's programs, named by the class
// that its kafka-*.sh script runs.
func (k *Kafka) Tool(ctx context.Context, class string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "java", k.words(class, args)...)
}

// Program is the same for one whose end the caller sees to.
func (k *Kafka) Program(class string, args ...string) *exec.Cmd {
	return exec.Command("java", k.words(class, args)...)
}

// words are flags for a small heap and a quick start, warnings on standard
// error, and the program.
func (k *Kafka) words(class string, args []string) []string {
	java := []string{"-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS", "-cp", filepath.Join(k.Jars, "*"), class}
	return append(java, args...)
}
