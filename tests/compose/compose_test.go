package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func composeFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docker-compose*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Fatalf("found %q, want three compose files", files)
	}
	return files
}

func TestComposeFiles(t *testing.T) {
	for _, name := range composeFiles(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, wrong := parse(string(text))
			for _, w := range wrong {
				t.Error(w)
			}
			for service, s := range f.Services {
				for _, v := range s.Volumes {
					from, _, _ := strings.Cut(v, ":")
					if !strings.HasPrefix(from, "./") {
						continue
					}
					if _, err := os.Stat(filepath.Join(root, from)); err != nil {
						t.Errorf("service %s mounts a missing file: %v", service, err)
					}
				}
			}
		})
	}
}

// TestComposeItselfAgrees asks the real client where the machine has one.
func TestComposeItselfAgrees(t *testing.T) {
	client := composeClient()
	if client == nil {
		t.Log("no docker compose here: the files were checked against the schema in this package")
		return
	}
	for _, name := range composeFiles(t) {
		args := append(client[1:], "-f", name, "config", "--quiet")
		if out, err := exec.CommandContext(t.Context(), client[0], args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", filepath.Base(name), err, out)
		}
	}
}

func composeClient() []string {
	for _, c := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.Command(c[0], append(c[1:], "version")...).Run() == nil {
			return c
		}
	}
	return nil
}

func TestSchemaFindsMistakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"misspelt key", "services: {a: {image: x, port: []}}", "field port not found"},
		{"no image", "services: {a: {restart: always}}", "neither image nor build"},
		{"open port", "services: {a: {image: x, ports: ['9092:9092']}}", "ADDRESS:PORT:PORT"},
		{"same port", "services: {a: {image: x, ports: ['127.0.0.1:1:1']}, b: {image: x, ports: ['127.0.0.1:1:2']}}", "both publish"},
		{"unknown volume", "services: {a: {image: x, volumes: ['data:/data']}}", "not declared"},
		{"unknown service", "services: {a: {image: x, depends_on: {b: {condition: service_started}}}}", "no service"},
		{"no healthcheck", "services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}, b: {image: x}}", "no healthcheck"},
		{"not yaml", "services: [", "yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong := parse(tt.text)
			if !strings.Contains(strings.Join(wrong, "\n"), tt.want) {
				t.Fatalf("parse found %q, want %q among it", wrong, tt.want)
			}
		})
	}
}

// TestDockerfileBuildsWhatIsHere checks that the paths and the flags of the
// Dockerfile are the project's.
func TestDockerfileBuildsWhatIsHere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		if version, ok := strings.CutPrefix(line, "go "); ok {
			minor := strings.Join(strings.SplitN(strings.TrimSpace(version), ".", 3)[:2], ".")
			if !strings.Contains(string(text), "FROM golang:"+minor+"-") {
				t.Errorf("the Dockerfile does not build with Go %s of go.mod", minor)
			}
		}
	}
	if !strings.Contains(string(text), "./cmd/leat") {
		t.Error("the Dockerfile does not build ./cmd/leat")
	}
	if _, err := os.Stat(filepath.Join(root, "cmd", "leat", "main.go")); err != nil {
		t.Error(err)
	}
}
