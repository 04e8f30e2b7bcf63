package compose

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// file is the part of the Compose specification that our files use. Decoding
// is strict: a key that is not here is an error, so a misspelt one is found
// without a Compose at hand.
type file struct {
	Name     string                    `yaml:"name"`
	Worker   *service                  `yaml:"x-worker"`
	Services map[string]service        `yaml:"services"`
	Volumes  map[string]map[string]any `yaml:"volumes"`
}

type service struct {
	Build           string                `yaml:"build"`
	Image           string                `yaml:"image"`
	Hostname        string                `yaml:"hostname"`
	Command         []string              `yaml:"command"`
	Environment     map[string]string     `yaml:"environment"`
	Ports           []string              `yaml:"ports"`
	Volumes         []string              `yaml:"volumes"`
	DependsOn       map[string]dependency `yaml:"depends_on"`
	StopGracePeriod string                `yaml:"stop_grace_period"`
	Restart         string                `yaml:"restart"`
	Healthcheck     *healthcheck          `yaml:"healthcheck"`
}

type dependency struct {
	Condition string `yaml:"condition"`
}

type healthcheck struct {
	Test     []string `yaml:"test"`
	Interval string   `yaml:"interval"`
	Timeout  string   `yaml:"timeout"`
	Retries  int      `yaml:"retries"`
}

// parse reads a compose file and returns everything that is wrong with it.
func parse(text string) (file, []string) {
	var f file
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return f, []string{err.Error()}
	}
	var wrong []string
	if len(f.Services) == 0 {
		wrong = append(wrong, "no services")
	}
	published := map[string]string{}
	for name, s := range f.Services {
		for _, w := range s.check(f) {
			wrong = append(wrong, fmt.Sprintf("service %s: %s", name, w))
		}
		for _, p := range s.Ports {
			host := p[:strings.LastIndexByte(p, ':')]
			if other, taken := published[host]; taken {
				wrong = append(wrong, fmt.Sprintf("services %s and %s both publish %s", other, name, host))
			}
			published[host] = name
		}
	}
	return f, wrong
}

func (s service) check(f file) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if s.Image == "" && s.Build == "" {
		add("neither image nor build")
	}
	for _, p := range s.Ports {
		if err := checkPort(p); err != nil {
			add("port %q: %v", p, err)
		}
	}
	for _, v := range s.Volumes {
		from, to, ok := strings.Cut(v, ":")
		if !ok || !strings.HasPrefix(to, "/") {
			add("volume %q is not SOURCE:/PATH", v)
			continue
		}
		if _, named := f.Volumes[from]; !named && !strings.HasPrefix(from, "./") {
			add("volume %s is not declared under volumes", from)
		}
	}
	for on, d := range s.DependsOn {
		other, ok := f.Services[on]
		if !ok {
			add("depends on %s, which is no service", on)
			continue
		}
		if d.Condition == "service_healthy" && other.Healthcheck == nil {
			add("waits until %s is healthy, which has no healthcheck", on)
		}
	}
	if h := s.Healthcheck; h != nil && (len(h.Test) < 2 || h.Test[0] != "CMD") {
		add("healthcheck %q does not start with CMD and a program", h.Test)
	}
	return wrong
}

// checkPort wants ADDRESS:HOSTPORT:CONTAINERPORT.
func checkPort(p string) error {
	parts := strings.Split(p, ":")
	if len(parts) != 3 {
		return fmt.Errorf("want ADDRESS:PORT:PORT, so that nothing is open to the network by accident")
	}
	for _, n := range parts[1:] {
		if port, err := strconv.Atoi(n); err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%s is not a port", n)
		}
	}
	return nil
}
